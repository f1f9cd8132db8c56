"""Reads Parquet files of features in Spark's Python workers.

Rows that go from the JVM to Python cost several times the arithmetic on them (measured: 10 s against 2.4 s for 67,692
rows of 1,280 numbers). So Spark distributes row groups, and the workers read them with pyarrow.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from orchard.errors import JobError
from orchard.io.backend import Storage
from orchard.io.storage import find_parquet_files, map_concurrently

Rows = npt.NDArray[np.floating[Any]]

COLUMNS = ("path", "label", "features")
# 10 MB of float32 at 1,280 dimensions.
ROWS_PER_BATCH = 2048


@dataclass(frozen=True)
class RowGroup:
    """A row group of a file. `path` is pyarrow's path, `number` counts from 0 in the file."""

    path: str
    number: int
    rows: int


def find_row_groups(uri: str, storage: Storage) -> list[RowGroup]:
    """Find the non-empty row groups of all Parquet files under `uri`, in the order of files and rows.

    Raises:
        JobError: There are no files, or a file lacks one of COLUMNS.
    """
    files = storage.open_filesystem()
    paths = find_parquet_files(uri, files)
    if not paths:
        raise JobError(f"{uri} has no Parquet files")

    def read_footer(path: str) -> list[RowGroup]:
        with files.open_input_file(path) as source:
            metadata = pq.read_metadata(source)
        missing = [name for name in COLUMNS if name not in metadata.schema.to_arrow_schema().names]
        if missing:
            raise JobError(f"{path} has no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
        return [RowGroup(path, n, metadata.row_group(n).num_rows) for n in range(metadata.num_row_groups)]

    return [group for groups in map_concurrently(read_footer, paths) for group in groups if group.rows > 0]


def read_row_groups(
    storage: Storage, groups: Iterable[RowGroup], columns: list[str]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the given columns of the row groups in batches of ROWS_PER_BATCH rows, each with its file's path."""
    files = storage.open_filesystem()
    for group in groups:
        with files.open_input_file(group.path) as source:
            file = pq.ParquetFile(source)
            # Reading whole row groups takes half as long again, because their memory is new to the process each time.
            for batch in file.iter_batches(ROWS_PER_BATCH, [group.number], columns, use_threads=False):
                yield group.path, batch


def to_matrix(rows: pa.RecordBatch, file: str, dimensions: int | None = None) -> Rows:
    """Return the column `features` as an array (rows, dimensions) of the column's float dtype.

    Args:
        rows: A batch with the column `features`.
        file: The file that error messages name.
        dimensions: The length that each row must have; the first row's by default.

    Raises:
        JobError: A row is missing, has another length, or has a number that is not finite.
    """
    column: Any = rows.column("features")
    lengths = np.asarray(column.value_lengths().fill_null(-1))
    width = int(lengths[0]) if dimensions is None else dimensions
    values = column.flatten()
    if width < 1 or (lengths != width).any() or values.null_count:
        raise JobError(f"{file}: {int((lengths != width).sum())} of {len(column)} rows have not {width} features")
    found: Rows = values.to_numpy(zero_copy_only=False).reshape(len(column), width)
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        raise JobError(f"{file}: {int((~finite).sum())} of {len(column)} rows have features that are NaN or infinite")
    return found
