"""Writes a step's results: Parquet and CSV files of path, label and a vector, written by the workers themselves.

Passing rows through the JVM takes several times as long as writing them, and converting Parquet to CSV a second pass.
Each file is written whole, under a name made from the task's number, so that a task that is retried, or runs twice,
leaves the same files.
"""

from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from orchard.checks import VectorFaults
from orchard.io.backend import Storage
from orchard.io.outputs import Output, Outputs
from orchard.io.storage import open_storage
from orchard.io.uri import join

# Rows that a worker keeps in memory before it writes a file: 8 MB are 1,600 images' features. Their CSV is three times
# as large.
BYTES_PER_FILE = 8_000_000


def remove_parts(folder: str) -> None:
    """Remove the files that an earlier attempt of the step left in `folder`."""
    for kind in ("parquet", "csv"):
        open_storage(folder).remove_folder(join(folder, kind))


class PartWriter:
    """Writes the rows of one task. For the checks, it counts the faults of the vectors, and what it writes."""

    def __init__(self, folder: str, storage: Storage, task: int, dimensions: int, *, csv: bool) -> None:
        self.faults = VectorFaults()
        self.outputs: Outputs = {kind: Output() for kind in (("parquet", "csv") if csv else ("parquet",))}
        self._folder = folder
        self._storage = storage
        self._task = task
        self._dimensions = dimensions
        self._csv = csv
        self._files = 0
        self._waiting: list[pa.RecordBatch] = []

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows of path, label and a list of numbers."""
        self.faults.add(cast("pa.ListArray[Any]", rows.column(2)), self._dimensions)
        self._waiting.append(rows)
        if sum(batch.nbytes for batch in self._waiting) >= BYTES_PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Write the rows that were added since the last file."""
        rows = pa.Table.from_batches(self._waiting) if self._waiting else None
        self._waiting = []
        if rows is None or rows.num_rows == 0:
            return
        name = format_part_name(self._task, self._files)
        self._files += 1
        content = pa.BufferOutputStream()
        pq.write_table(rows, content, use_dictionary=False)
        self._write("parquet", f"{name}.snappy.parquet", content.getvalue(), rows.num_rows)
        if self._csv:
            self._write("csv", f"{name}.csv", format_csv(format_vectors(rows)), rows.num_rows)

    def _write(self, kind: str, name: str, content: pa.Buffer, rows: int) -> None:
        self._storage.write_buffer(join(self._folder, kind, name), content)
        self.outputs[kind].add(rows, content.size)


def format_part_name(task: int, file: int = 0) -> str:
    """Return the name of a task's file, without its extension."""
    return f"part-{task:05d}-{file:04d}"


def format_vectors(rows: pa.Table) -> pa.Table:
    """Replace the vector column by `<vector>_string`: numbers joined by commas, each of which parses to the same float.

    Args:
        rows: path, label, and a list of numbers.
    """
    vectors: Any = pa.concat_arrays(rows.column(2).chunks)
    numbers = pa.ListArray.from_arrays(vectors.offsets, vectors.values.cast(pa.string()))
    text = pc.binary_join(numbers, ",")
    return pa.table([rows.column(0), rows.column(1), text], [*rows.column_names[:2], f"{rows.column_names[2]}_string"])


def format_csv(rows: pa.Table) -> pa.Buffer:
    """Format rows as CSV with a header, as in RFC 4180: text is quoted, and quotes inside text are doubled."""
    content = pa.BufferOutputStream()
    pcsv.write_csv(rows, content, pcsv.WriteOptions(quoting_header="none"))  # type: ignore[call-arg]  # not in the stub
    return content.getvalue()


def write_csv(rows: pa.Table, folder: str, task: int, storage: Storage) -> None:
    """Write the CSV file of a task into `folder`."""
    storage.write_buffer(join(folder, f"{format_part_name(task)}.csv"), format_csv(rows))
