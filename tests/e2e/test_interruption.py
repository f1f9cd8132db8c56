"""Ctrl-C at any moment leaves no process and no running cluster, and the next start continues."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .account import NODE, ROOT, copy_prepared_account, free_port, without_aws
from .processes import commands

END_SECONDS = 180


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all interruptions, so that each start finds the state that the last one left."""
    folder = tmp_path_factory.mktemp("interrupted")
    # The deployment can be interrupted only if it has something to do.
    if os.environ.get("ORCHARD_DEEP") != "1":
        copy_prepared_account(folder)
    return folder


def _start(home: Path, *options: str) -> "subprocess.Popen[str]":
    command = [str(NODE), "cli/main.ts", "start", "--port", str(free_port()), "--mode", "inventory"]
    return subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=without_aws() | {"ORCHARD_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize(
    "moment",
    [
        *(
            pytest.param(line, marks=pytest.mark.deep)
            for line in ["Account on port", "Deployment", "Images", "CreateCluster"]
        ),
        "Inventory",
    ],
)
def test_ctrl_c_leaves_nothing_behind(home: Path, moment: str) -> None:
    process = _start(home)
    assert process.stdout is not None
    seen = next((line for line in process.stdout if moment in line), None)
    assert seen, "the command ended before it printed the line"

    os.killpg(process.pid, signal.SIGINT)

    output, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 130, output
    assert commands(home) == []


# tests/local/account.test.ts starts an account again that was killed during a step.
@pytest.mark.deep
def test_the_next_start_continues(home: Path) -> None:
    process = _start(home, "--json")

    output, _ = process.communicate()

    report = json.loads(output[output.index("{") :])
    images = len(list((home / "sample").glob("*/*/*.jpg")))
    assert (report["status"], report["images"], report["cluster"]["state"]) == ("SUCCEEDED", images, "TERMINATED")
    assert commands(home) == []
