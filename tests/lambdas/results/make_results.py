"""Writes the outputs of runs, valid or with one deliberate fault each, for validate-run.test.ts.

Usage: python make_results.py FOLDER FAULT...
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[3] / "spark"))
from orchard.jobs.inventory import format_stats
from orchard.jobs.listing import Listing

ROWS = 59
ERRORS = 1
COMPONENTS = 50
DIMENSIONS = 1280
REFERENCED = 40
CHECKS = ("row_count", "dimensions", "finite", "unique_paths", "variance")


def write_parquet(folder: Path, name: str, vectors: list[list[float | None]], has_statistics: bool = True) -> None:
    """Writes the columns path, label and `name` to two files, like a Spark job with two partitions.

    Args:
        folder: must not exist
        name: name of the column with the vectors
        vectors: one list of float32 values for each row
        has_statistics: whether the footers have the number of nulls
    """
    folder.mkdir(parents=True)
    table = pa.table(
        {
            "path": [f"Training/Apple {i % 3}/{i}.jpg" for i in range(len(vectors))],
            "label": [f"Apple {i % 3}" for i in range(len(vectors))],
            name: pa.array(vectors, pa.list_(pa.float32())),
        }
    )
    half = len(vectors) // 2
    for part, rows in enumerate((table.slice(0, half), table.slice(half))):
        file = folder / f"part-{part:05d}.snappy.parquet"
        pq.write_table(rows, file, compression="snappy", write_statistics=has_statistics)


def write_reference(folder: Path, rows: int) -> None:
    """Writes a reference to as many rows of one file of the features store."""
    folder.mkdir(parents=True)
    columns = {"path": [f"{i}.jpg" for i in range(rows)], "label": ["Apple"] * rows, "file": ["a.parquet"] * rows}
    pq.write_table(pa.table({**columns, "row": pa.array(range(rows), pa.int32())}), folder / "part-00001-0000.parquet")


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, newline="")


def main(folder: Path, fault: str) -> None:
    """Writes every output of a run of 60 images, one of which is unreadable.

    Args:
        folder: the run's folder
        fault: "none" or the fault to put into the outputs
    """
    rng = np.random.default_rng(0)
    features: list[list[float | None]] = rng.random((ROWS, DIMENSIONS), np.float32).tolist()
    reduced: list[list[float | None]] = rng.random((ROWS, COMPONENTS), np.float32).tolist()
    vector = "pca_features"
    if fault == "missing-row":
        reduced.pop()
    if fault == "narrow-row":
        reduced[7].pop()
    if fault == "nan":
        reduced[7][3] = float("nan")
    if fault == "null":
        reduced[7][3] = None
    if fault == "narrow-feature":
        features[20].pop()
    if fault == "column":
        vector = "pca"
    referenced = REFERENCED if fault == "reference" else 0
    write_parquet(folder / "features/parquet", "features", features[referenced:])
    if referenced > 0:
        write_reference(folder / "features/reference", referenced)
    write_parquet(folder / "pca/parquet", vector, reduced, has_statistics=fault != "no-statistics")
    for name in ("features", "pca"):
        write_text(folder / name / "csv/part-00000.csv", "path,label,x\n")
    write_text(folder / "errors/part-00000.csv", "path,label,reason\n")

    write_text(folder / "inventory/metadata/part-00000.csv", "s3_path,label\n")
    counts = {"Apple 0": 20, "Apple 1": 20, "Apple 2": 20, 'Ba"na,na\n,900\r\n': 7}
    stats = format_stats(Listing({("Training", label): (count, 0) for label, count in counts.items()}))
    write_text(folder / "inventory/stats/part-00000.csv", stats.to_pybytes().decode())
    write_json(
        folder / "inventory/summary.json",
        {
            "images": 67,
            "labels": 4,
            "bytes": 67_000,
            "selected": {"images": 60, "labels": 3, "bytes": 60_000, "fingerprint": "f" * 64},
        },
    )
    write_json(
        folder / "features/summary.json",
        {
            "images": ROWS,
            "errors": ERRORS,
            "reasons": {"empty file": ERRORS},
            "examples": {"empty file": ["Training/Apple 1/empty.jpg"]},
            "computed": 13,
            "reused": ROWS + ERRORS - 13,
            "referenced": referenced,
            "changed": 0,
            "dimensions": DIMENSIONS,
            "checks": [{"name": "finite", "ok": True, "detail": "all"}],
        },
    )
    write_json(
        folder / "model_info/model_info.json",
        {
            "timestamp": "2026-01-01T00:00:00Z",
            "pca_components": COMPONENTS,
            "original_dimensions": DIMENSIONS,
            "reduced_dimensions": COMPONENTS,
            "total_variance_explained": 0.93,
            "num_images_processed": ROWS,
            "model": {"name": "MobileNetV2", "weights": "imagenet", "sha256": "a" * 64},
            "labels": 3,
            "errors": ERRORS,
            "checks": [
                {
                    "name": name,
                    "ok": not (fault == "nan" and name == "finite"),
                    "detail": "1 value is not finite" if fault == "nan" and name == "finite" else "fine",
                }
                for name in CHECKS
            ],
        },
    )


if __name__ == "__main__":
    for name in sys.argv[2:]:
        main(Path(sys.argv[1]) / name, name)
