"""Stores and selections with made-up rows, which need no model."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from orchard.io.read_ahead import IMAGE_COLUMNS
from orchard.io.storage import locate_storage
from orchard.jobs.extraction import RESULTS_SCHEMA
from orchard.store.writing import StoreWriter

Image = tuple[str, str]


def write_rows(store: Path, images: list[Image], run: str = "run", value: float = 1.0) -> str:
    """Write one file of a store with rows of path and etag, as a task does; paths with "bad" are unusable."""
    before = data_files(store)
    writer = StoreWriter(str(store), locate_storage(str(store)), run)
    rows = [
        {
            "path": path,
            "label": "Apple",
            "features": None if "bad" in path else [value, float(number)],
            "reason": "text, not an image" if "bad" in path else None,
        }
        for number, (path, _) in enumerate(images)
    ]
    writer.add(pa.RecordBatch.from_pylist(rows, RESULTS_SCHEMA), [etag for _, etag in images])
    writer.flush()
    [new] = set(data_files(store)) - set(before)
    return new


def data_files(store: Path) -> list[str]:
    return sorted(path.name for path in store.glob("*.parquet"))


def write_selection(folder: Path, images: list[Image]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"path": path, "label": f"label of {path}", "etag": etag, "size": 1} for path, etag in images]
    # Two files with several row groups, as a distributed inventory writes them.
    for part in range(2):
        table = pa.Table.from_pylist(rows[part::2], pa.schema(IMAGE_COLUMNS))
        pq.write_table(table, folder / f"part-{part}.parquet", row_group_size=7)
    return str(folder)


def some_images(count: int, etag: str = "1", first: int = 0) -> list[Image]:
    return [(f"s3://b/é {number}.jpg", etag) for number in range(first, first + count)]
