"""Quality checks of the vectors that a step writes. A check reports its result and never raises."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchard.errors import JobError
from orchard.formatting import plural
from orchard.io.storage import find_parquet_files, locate_storage, map_concurrently


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        """Return {"name", "ok", "detail"}."""
        return asdict(self)


@dataclass
class VectorFaults:
    """Counts the vectors with a wrong length, and those with a number that is not finite.

    `example_length` is the smallest wrong length, -1 for a missing vector.
    """

    wrong_length: int = 0
    example_length: int | None = None
    not_finite: int = 0

    def add(self, vectors: "pa.ListArray[Any]", dimensions: int) -> None:
        """Count the faults of vectors that must have `dimensions` numbers each."""
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

    def merge(self, other: "VectorFaults") -> None:
        """Add the faults of other rows."""
        self.wrong_length += other.wrong_length
        self.not_finite += other.not_finite
        if other.example_length is not None:
            self.example_length = min(other.example_length, self.example_length or other.example_length)


def merge_faults(parts: Iterable[VectorFaults]) -> VectorFaults:
    """Return the faults of all parts together."""
    total = VectorFaults()
    for part in parts:
        total.merge(part)
    return total


def check_vectors(folder: str, faults: VectorFaults, rows: int, dimensions: int) -> list[Check]:
    """Run the checks `row_count`, `dimensions`, `finite` and `unique_paths` on the Parquet files in `folder`.

    Args:
        folder: The folder of the files. This function counts their rows and paths.
        faults: The faults that the tasks counted in the vectors while writing them.
        rows: The expected number of rows.
        dimensions: The expected length of each vector.
    """
    written, paths = count_paths(folder)
    doubled = written - paths
    return [
        Check("row_count", written == rows, f"{written} rows; {rows} expected"),
        Check(
            "dimensions",
            faults.wrong_length == 0,
            f"every row has {dimensions} numbers"
            if faults.wrong_length == 0
            else f"{plural(faults.wrong_length, 'row')} without {dimensions} numbers (one has {faults.example_length})",
        ),
        Check(
            "finite",
            faults.not_finite == 0,
            "every number is finite"
            if faults.not_finite == 0
            else f"{plural(faults.not_finite, 'row')} with a number that is NaN, infinite or missing",
        ),
        Check(
            "unique_paths",
            doubled == 0,
            "every path occurs exactly once"
            if doubled == 0
            else f"{plural(doubled, 'row')} with the path of another row, or none",
        ),
    ]


def count_paths(folder: str) -> tuple[int, int]:
    """Return the number of rows of the Parquet files in `folder`, and the number of different paths in them."""

    def read(path: str) -> tuple[int, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
        with files.open_input_file(path) as source:
            column = pq.ParquetFile(source).read(columns=["path"], use_threads=False).column("path")
        # Hashes take 8 bytes for each path, so that ten million of them fit into the driver's memory.
        hashes = (hash(path) for path in column.to_pylist() if path is not None)
        return len(column), np.fromiter(hashes, np.int64)

    files = locate_storage(folder).open_filesystem()
    parts = map_concurrently(read, find_parquet_files(folder, files))
    hashes = np.concatenate([some for _, some in parts]) if parts else np.empty(0, np.int64)
    return sum(rows for rows, _ in parts), len(np.unique(hashes))


def require(checks: Iterable[Check], output: str) -> None:
    """Refuse results in the folder `output` if a check of them failed.

    Raises:
        JobError: It names each failed check.
    """
    failed = [f"{check.name} ({check.detail})" for check in checks if not check.ok]
    if failed:
        plural = "s" if len(failed) > 1 else ""
        raise JobError(f"the results in {output} are not valid: failed check{plural}: {', '.join(failed)}")


def check_variance(total: float, minimum: float | None) -> Check:
    """Run the check `variance`: the explained variance `total` is a ratio, and at least `minimum` if that is set."""
    # The sum of ratios may exceed 1 by rounding.
    ok = math.isfinite(total) and 0 <= total <= 1 + 1e-9 and (minimum is None or total >= minimum)
    asked = "no minimum is set" if minimum is None else f"at least {minimum} is needed"
    return Check("variance", ok, f"{total:.6f} of the variance is explained; {asked}")
