"""Writes a Parquet file of one row for each table of a run, for spark-results.ts: make_tables.py FOLDER."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

VECTORS = {"features": ("features", 1280), "pca": ("pca_features", 50)}


def main(folder: Path) -> None:
    """Write features.parquet, pca.parquet and reference.parquet."""
    names = {"path": ["Training/Apple/0.jpg"], "label": ["Apple"]}
    for name, (column, width) in VECTORS.items():
        vector = pa.array([[0.5] * width], pa.list_(pa.float32()))
        pq.write_table(pa.table({**names, column: vector}), folder / f"{name}.parquet")
    place = {"file": ["a.parquet"], "row": pa.array([0], pa.int32())}
    pq.write_table(pa.table({**names, **place}), folder / "reference.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
