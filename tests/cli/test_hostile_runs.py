"""`reduce` and `project` work regardless of the variables that a person has set, and of the files' location."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_modules" / ".bin" / "node"
HOSTILE = json.loads((ROOT / "tests" / "cli" / "setup" / "hostile-environment.json").read_text())
# Exclude NODE_OPTIONS, which would end this test's own node; tests of cli/setup prove that commands do not get it. The
# loader's variables are excluded because they would end every process, including the person's shell.
VARIABLES = {
    name: value
    for name, value in HOSTILE["variables"].items()
    if name not in {"NODE_OPTIONS", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES"}
}
ODD_FOLDER = Path('évé it\'s "x" $HOME `b` #1%20&;(2)', "x" * 200)


def orchard(*arguments: str, variables: dict[str, str]) -> str:
    """Run the command line and return what it prints."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME")} | variables
    command = [str(NODE), str(ROOT / "cli" / "main.ts"), *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_features(folder: Path) -> None:
    folder.mkdir(parents=True)
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    columns = {"path": [f"image {n}" for n in range(20)], "label": ["Apple"] * 20}
    table = pa.table(columns | {"features": pa.array(rows.tolist(), pa.list_(pa.float32()))})
    pq.write_table(table, folder / "part.parquet")


def test_all_hostile_variables_at_once_in_an_odd_folder(tmp_path: Path) -> None:
    folder = tmp_path / ODD_FOLDER
    write_features(folder / "features")
    features = ["--features", str(folder / "features")]

    reduced = orchard("reduce", *features, "--output", str(folder / "a"), "--components", "2", variables=VARIABLES)
    model = ["--model", str(folder / "a")]
    orchard("project", *model, *features, "--output", str(folder / "b"), variables=VARIABLES)

    assert "2 components" in reduced
    fitted, projected = (pq.read_table(folder / output / "pca" / "parquet").sort_by("path") for output in "ab")
    assert fitted.num_rows == 20
    difference = np.subtract(*(np.array(table["pca_features"].to_pylist()) for table in (fitted, projected)))
    assert float(np.abs(difference).max()) < 1e-6
    # Nothing was written beside the folder, for instance at the part of its path before a space.
    assert [path.name for path in tmp_path.iterdir()] == [ODD_FOLDER.parts[0]]


@pytest.mark.deep
@pytest.mark.parametrize("variable", VARIABLES)
def test_each_hostile_variable_alone(tmp_path: Path, variable: str) -> None:
    write_features(tmp_path / "features")
    arguments = ["--features", str(tmp_path / "features"), "--output", str(tmp_path / "out"), "--components", "2"]

    assert "2 components" in orchard("reduce", *arguments, variables={variable: VARIABLES[variable]})
