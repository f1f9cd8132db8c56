"""Reads rows of a features store."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from orchard.errors import JobError
from orchard.io.storage import locate_storage
from orchard.io.uri import join, to_arrow_path
from orchard.progress import Progress


def read_rows(
    files: pafs.FileSystem, uri: str, places: pa.Table, columns: list[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield places in one file of the store together with the columns of these rows, one row group at a time.

    Args:
        files: The file system of the store.
        uri: The folder of the store.
        places: Rows with at least `path`, `file` and `row` of PLACES_SCHEMA, all of one file, sorted by `row`.
        columns: The columns to read.

    Raises:
        JobError: The file does not exist any more, or has other rows than the index says.
    """
    name = join(uri, places.column("file")[0].as_py())
    rows: npt.NDArray[np.int32] = places.column("row").to_numpy()
    try:
        source = files.open_input_file(to_arrow_path(name))
    except FileNotFoundError:
        raise JobError(f"{name} does not exist any more; start again, and the run computes its images anew") from None
    with source:
        file = pq.ParquetFile(source)
        first = 0
        for number in range(file.num_row_groups):
            end = first + file.metadata.row_group(number).num_rows
            here = slice(*np.searchsorted(rows, [first, end]).tolist())
            if here.start < here.stop:
                group = file.read_row_group(number, ["path", *columns], use_threads=False)
                some = places.slice(here.start, here.stop - here.start)
                found = group.take(rows[here] - first)
                if found.column("path") != some.column("path"):
                    raise _changed(name)
                yield some, found.select(columns)
            first = end
    if len(rows) > 0 and rows[-1] >= first:
        raise _changed(name)


def _changed(name: str) -> JobError:
    return JobError(f"{name} has changed since it was listed; delete it, or start again with force")


def make_read_task(
    uri: str, schema: pa.Schema, progress: Progress
) -> Callable[[Iterable[pa.Table]], Iterator[tuple[pa.RecordBatch, int]]]:
    """Make the function that reads a task's places in the store.

    Args:
        uri: The folder of the store.
        schema: The schema of the yielded batches (path, label, features, reason). Each comes with the number of images
            that have changed, which is always 0 for the store.
        progress: Counts the images.

    Raises:
        JobError: In a task, as `read_rows`.
    """
    done, errors = progress.done, progress.errors
    storage = locate_storage(uri)

    def read(tables: Iterable[pa.Table]) -> Iterator[tuple[pa.RecordBatch, int]]:
        files = storage.open_filesystem()
        for table in tables:
            for places, rows in read_rows(files, uri, table, ["features", "reason"]):
                features = pa.concat_arrays(rows.column("features").chunks).cast(schema.field("features").type)
                reasons = pa.concat_arrays(rows.column("reason").chunks)
                names = [places.column(name).combine_chunks() for name in ("path", "label")]
                done.add(places.num_rows)
                errors.add(places.num_rows - reasons.null_count)
                yield pa.RecordBatch.from_arrays([*names, features, reasons], schema=schema), 0

    return read
