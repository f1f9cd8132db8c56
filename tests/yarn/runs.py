"""Reads a run's results for comparisons, and its cluster's logs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tests.e2e.account import Account, Execution

# A step takes a driver's and two executors' start longer than on local[*].
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


def bits(table: pa.Table) -> NDArray[np.uint8]:
    """Return the vectors of a table as bytes, which differ where numbers differ at all."""
    vectors: Any = table.column(2).combine_chunks()
    return np.frombuffer(vectors.flatten().to_numpy().tobytes(), np.uint8)


def find_step(account: Account, run_id: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return the id of a run's cluster, and the last of its steps with a name."""
    [cluster] = account.clusters(run_id)
    steps = [step for step in account.steps(cluster["Id"]) if step["Name"] == name]
    return cluster["Id"], steps[-1]


def application_of(account: Account, cluster: str, step: str) -> str:
    """Return the YARN application of a step, as its log names it."""
    text: str = account.text(f"logs/emr/{cluster}/steps/{step}/stderr.gz")
    return next(word for word in text.split() if word.startswith("application_"))


def events(account: Account, application: str) -> list[dict[str, Any]]:
    """Read Spark's event log of an application, of which each attempt has its own."""
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
