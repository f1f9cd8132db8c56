"""Ctrl-C at any moment leaves no process and no running cluster, and the next start carries on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .account import NODE, ROOT, free_port, without_aws
from .processes import commands

END_SECONDS = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all interruptions: each start finds what the last one left."""
    return tmp_path_factory.mktemp("interrupted")


def _start(home: Path, *options: str) -> "subprocess.Popen[str]":
    command = [str(NODE), "cli/main.ts", "start", "--port", str(free_port()), "--limit", "6", "--components", "2"]
    return subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=without_aws() | {"ORCHARD_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("moment", ["Account on port", "Deployment", "Images", "CreateCluster", "Inventory"])
def test_ctrl_c_leaves_nothing_behind(home: Path, moment: str) -> None:
    process = _start(home)
    assert process.stdout is not None
    seen = next((line for line in process.stdout if moment in line), None)
    assert seen, "the start ended before the moment came"

    os.killpg(process.pid, signal.SIGINT)

    output, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 130, output
    assert commands(home) == []


def test_the_next_start_carries_on(home: Path) -> None:
    process = _start(home, "--json")

    output, _ = process.communicate()

    report = json.loads(output[output.index("{") :])
    assert (report["status"], report["images"], report["cluster"]["state"]) == ("SUCCEEDED", 6, "TERMINATED")
    assert commands(home) == []
