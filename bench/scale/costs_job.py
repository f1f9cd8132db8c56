"""Measures the cost of a task without work, and the cost of a file of features, on one core.

Runs by spark-submit: costs_job.py TASKS FILES ANSWER.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from orchard import session
from orchard.arrow import prepare_worker
from orchard.io.local import LocalStorage
from orchard.io.parts import PartWriter
from pyspark import SparkContext

ROWS_PER_FILE = 256
DIMENSIONS = 1280


def time_tasks(context: SparkContext, tasks: int) -> float:
    """Return the seconds of a job whose tasks do nothing."""

    def nothing(_rows: Iterable[int]) -> Iterator[int]:
        prepare_worker()
        yield 0

    started = time.monotonic()
    context.parallelize(range(tasks), tasks).mapPartitions(nothing).count()
    return time.monotonic() - started


def time_files(files: int) -> float:
    """Return the processor seconds of writing files with the features of 256 images."""
    values = np.random.default_rng(0).uniform(0, 6, ROWS_PER_FILE * DIMENSIONS).astype(np.float32)
    vectors = pa.ListArray.from_arrays(
        pa.array(np.arange(0, values.size + 1, DIMENSIONS), pa.int32()), pa.array(values)
    )
    names = pa.array([f"s3://bucket/data/raw/Training/Fruit/{row}_100.jpg" for row in range(ROWS_PER_FILE)])
    rows = pa.RecordBatch.from_arrays([names, names, vectors], ["path", "label", "features"])
    with tempfile.TemporaryDirectory() as folder:
        writer = PartWriter(folder, LocalStorage(), 0, DIMENSIONS, csv=False)
        started = time.process_time()
        for _ in range(files):
            writer.add(rows)
            writer.flush()
        return time.process_time() - started


def main(tasks: str, files: str, answer: str) -> None:
    """Write {"secondsPerTask", "secondsPerFile"} as JSON to the file `answer`."""
    context = session.start("costs")
    few, many = int(tasks) // 10, int(tasks)
    time_tasks(context, few)  # starts the worker
    per_task = (time_tasks(context, many) - time_tasks(context, few)) / (many - few)
    document = {"secondsPerTask": per_task, "secondsPerFile": time_files(int(files)) / int(files)}
    Path(answer).write_text(json.dumps(document))
    context.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
