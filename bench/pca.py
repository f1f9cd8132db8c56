"""Fits a PCA by the project's code or by MLlib, on the same Parquet files.

Runs by spark-submit: pca.py ours|mllib FOLDER ANSWER.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import SparkContext
from pyspark.sql import SparkSession

COMPONENTS = 50
FILES = 8


def generate(folder: Path, rows: int, dimensions: int) -> Path:
    """Return a folder of Parquet files with path, label and features (float32), creating it if it does not exist."""
    target = folder / f"features-{rows}x{dimensions}"
    if target.exists():
        return target
    partial = folder / f"{target.name}.partial"
    partial.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    turn = np.linalg.qr(random.normal(size=(dimensions, dimensions)))[0] * np.geomspace(3, 0.01, dimensions)[:, None]
    for number, part in enumerate(np.array_split(np.arange(rows), FILES)):
        # As after a ReLU6, half of the activations are zero and none is above 6.
        values = (random.normal(size=(len(part), dimensions)) @ turn).clip(0, 6).astype(np.float32)
        offsets = pa.array(np.arange(0, values.size + 1, dimensions), pa.int32())
        table = pa.table(
            {
                "path": pa.array([f"Training/Fruit {row % 131}/{row}_100.jpg" for row in part]),
                "label": pa.array([f"Fruit {row % 131}" for row in part]),
                "features": pa.ListArray.from_arrays(offsets, pa.array(values.ravel(), pa.float32())),
            }
        )
        pq.write_table(table, partial / f"part-{number:05}.parquet", compression="snappy", use_dictionary=False)
    return partial.rename(target)


def fit_orchard(context: SparkContext, folder: str) -> list[float]:
    """Return the explained variance ratios of the reduction step's fit."""
    from orchard.arrow import block_pandas  # noqa: PLC0415
    from orchard.io.vectors import find_features  # noqa: PLC0415
    from orchard.jobs import reduction  # noqa: PLC0415
    from orchard.plan import Components  # noqa: PLC0415
    from orchard.report.stages import Stages  # noqa: PLC0415

    block_pandas()  # as main.py does
    fit = reduction.fit_features(context, find_features(folder), Components(count=COMPONENTS), Stages("reduction"))
    ratios: list[float] = fit.ratios.tolist()
    return ratios


def fit_mllib(context: SparkContext, folder: str) -> list[float]:
    """Return the explained variance ratios of MLlib's fit."""
    from pyspark.ml.feature import PCA  # noqa: PLC0415
    from pyspark.ml.functions import array_to_vector  # noqa: PLC0415
    from pyspark.sql.functions import col  # noqa: PLC0415

    session = SparkSession(context)
    frame = session.read.parquet(folder).select(array_to_vector(col("features")).alias("features"))
    ratios: list[float] = PCA(k=COMPONENTS, inputCol="features").fit(frame).explainedVariance.toArray().tolist()
    return ratios


def main(implementation: str, folder: str, answer: str) -> None:
    """Fit once in a new session, and write {"seconds", "ratios"} as JSON to the file `answer`."""
    from orchard import session as sessions  # noqa: PLC0415

    context = sessions.start(f"pca {implementation}")
    started = time.monotonic()
    ratios = (fit_orchard if implementation == "ours" else fit_mllib)(context, folder)
    seconds = time.monotonic() - started
    Path(answer).write_text(json.dumps({"seconds": seconds, "ratios": ratios}))
    context.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
