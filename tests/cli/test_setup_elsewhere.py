"""The set-up installs the project in an odd folder, regardless of the person's pip, Python, Java and Spark settings."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .test_hostile_runs import HOSTILE, ROOT, write_features

FOLDER = 'DIR projects évé it\'s "x" $HOME #1%20&`b`;(2)'


def copy_project(folder: Path) -> None:
    """Copy the files of the project that are not generated."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in filter(lambda line: (ROOT / line).is_file(), listed.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


@pytest.mark.deep
def test_the_set_up_in_an_odd_folder_with_hostile_settings(tmp_path: Path) -> None:
    project = tmp_path / FOLDER / ("y" * 100)
    copy_project(project)
    write_features(tmp_path / "features")
    foreign = tmp_path / "DIR"
    foreign.write_text("of somebody else")
    pip = tmp_path / "pip.conf"
    pip.write_text(f"[global]\nuser = true\ntarget = {tmp_path}/target\nrequire-virtualenv = true\n")
    # NODE_OPTIONS and the loader's variables would end the person's own node and shell.
    ends_all = ("NODE_OPTIONS", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES")
    hostile = {name: value for name, value in HOSTILE["variables"].items() if name not in ends_all}
    environment = os.environ | hostile | {"PIP_CONFIG_FILE": str(pip), "PIP_USER": "1"}
    steps = ["reduce", "--features", str(tmp_path / "features"), "--output", str(tmp_path / "out"), "--components", "2"]

    done = subprocess.run(
        ["node", "cli/setup/setup.mjs", *steps],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "out" / "model_info" / "model_info.json").read_text())
    # A JVM option that is split at the space would write its file here.
    assert foreign.read_text() == "of somebody else"
    assert {path.name for path in tmp_path.iterdir()} == {"DIR", FOLDER, "features", "out", "pip.conf"}
