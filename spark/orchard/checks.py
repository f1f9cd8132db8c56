"""Quality checks of the vectors that a step writes. Each says what it found; none raises."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchard.io import storage


@dataclass(frozen=True)
class Check:
    """What one check found."""

    name: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        """{"name", "ok", "detail"}"""
        return asdict(self)


@dataclass
class Found:
    """What is wrong with vectors: how many have another length (and one such), or a number that is not finite."""

    wrong_length: int = 0
    example_length: int | None = None
    not_finite: int = 0

    def add(self, vectors: "pa.ListArray[Any]", dimensions: int) -> None:
        """Looks at vectors that must have `dimensions` numbers each."""
        lengths = np.asarray(vectors.value_lengths().fill_null(-1))
        wrong = lengths != dimensions
        if wrong.any():
            self.wrong_length += int(wrong.sum())
            self.example_length = int(lengths[wrong].min())
        values = vectors.flatten()
        finite = np.isfinite(values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False))
        if values.null_count:
            finite &= np.asarray(values.is_valid())
        present = lengths.clip(min=0)
        rows = np.repeat(np.arange(len(vectors)), present)[~finite]
        self.not_finite += len(np.unique(rows)) + int((lengths < 0).sum())

    def merge(self, other: "Found") -> None:
        """Adds what was found in other rows."""
        self.wrong_length += other.wrong_length
        self.not_finite += other.not_finite
        if other.example_length is not None:
            self.example_length = min(other.example_length, self.example_length or other.example_length)


def merged(parts: Iterable[Found]) -> Found:
    """What was found in all of them."""
    everything = Found()
    for part in parts:
        everything.merge(part)
    return everything


def check_vectors(folder: str, region: str | None, found: Found, rows: int, dimensions: int) -> list[Check]:
    """Checks `row_count`, `dimensions`, `finite` and `unique_paths` of the Parquet files in `folder`.

    Args:
        folder: has the files. Their paths are read here.
        region: that of the folder's bucket.
        found: what whoever wrote them found in their vectors.
        rows: how many rows there must be.
        dimensions: how long each vector must be.
    """
    written, paths = count_paths(folder, region)
    doubled = written - paths
    return [
        Check("row_count", written == rows, f"{written} rows; {rows} expected"),
        Check(
            "dimensions",
            found.wrong_length == 0,
            f"every row has {dimensions} numbers"
            if found.wrong_length == 0
            else f"{found.wrong_length} rows have not {dimensions} numbers (one has {found.example_length})",
        ),
        Check(
            "finite",
            found.not_finite == 0,
            "every number is finite"
            if found.not_finite == 0
            else f"{found.not_finite} rows hold a number that is NaN, infinite or missing",
        ),
        Check(
            "unique_paths",
            doubled == 0,
            "every path is there once" if doubled == 0 else f"{doubled} rows have the path of another row, or none",
        ),
    ]


def count_paths(folder: str, region: str | None) -> tuple[int, int]:
    """How many rows the Parquet files in `folder` have, and how many different paths."""

    def read(path: str) -> tuple[int, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
        with files.open_input_file(path) as source:
            column = pq.ParquetFile(source).read(columns=["path"], use_threads=False).column("path")
        # 8 bytes a path, so that ten million of them fit into the driver.
        hashes = (hash(path) for path in column.to_pylist() if path is not None)
        return len(column), np.fromiter(hashes, np.int64)

    files = storage.filesystem(folder, region)
    parts = storage.in_parallel(read, storage.parquet_files(folder, files))
    hashes = np.concatenate([some for _, some in parts]) if parts else np.empty(0, np.int64)
    return sum(rows for rows, _ in parts), len(np.unique(hashes))


def check_variance(total: float, minimum: float | None) -> Check:
    """Check `variance`: the explained variance `total` is a ratio, and at least `minimum` where one is set."""
    # A sum of ratios may be above 1 by a rounding error.
    ok = math.isfinite(total) and 0 <= total <= 1 + 1e-9 and (minimum is None or total >= minimum)
    asked = "no minimum is set" if minimum is None else f"at least {minimum} is needed"
    return Check("variance", ok, f"{total:.6f} of the variance is explained; {asked}")
