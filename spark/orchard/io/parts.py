"""The results of a run: files of path, label and a vector, which the workers write themselves, as Parquet and as CSV.

Rows that go through the JVM cost several times what writing them does, and CSV made from Parquet costs a second pass.
A file is written whole, under a name that its task's number gives, so a task that is repeated, or runs twice, leaves
the same files. `begin` removes what an earlier attempt of the step left.
"""

from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from orchard.checks import Found
from orchard.io import storage

# What a worker holds back, whatever the number of rows: 1,600 images' features. The CSV of it is three times as large.
BYTES_PER_FILE = 8_000_000


def begin(folder: str) -> None:
    """Removes what an earlier attempt of the step left in `folder`."""
    for kind in ("parquet", "csv"):
        storage.remove_folder(storage.join(folder, kind))


class Writer:
    """Writes the rows of one task. `found` says what its rows are like, for the checks."""

    def __init__(self, folder: str, region: str | None, task: int, dimensions: int, *, csv: bool) -> None:
        self.found = Found()
        self._folder = folder
        self._region = region
        self._task = task
        self._dimensions = dimensions
        self._csv = csv
        self._files = 0
        self._waiting: list[pa.RecordBatch] = []

    def add(self, rows: pa.RecordBatch) -> None:
        """Rows of path, label and a list of numbers."""
        self.found.add(cast("pa.ListArray[Any]", rows.column(2)), self._dimensions)
        self._waiting.append(rows)
        if sum(batch.nbytes for batch in self._waiting) >= BYTES_PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        rows = pa.Table.from_batches(self._waiting) if self._waiting else None
        self._waiting = []
        if rows is None or rows.num_rows == 0:
            return
        name = part_name(self._task, self._files)
        self._files += 1
        content = pa.BufferOutputStream()
        pq.write_table(rows, content, use_dictionary=False)
        self._write("parquet", f"{name}.snappy.parquet", content.getvalue())
        if self._csv:
            self._write("csv", f"{name}.csv", csv_of(as_text(rows)))

    def _write(self, kind: str, name: str, content: pa.Buffer) -> None:
        storage.write_whole(storage.join(self._folder, kind, name), content, self._region)


def part_name(task: int, file: int = 0) -> str:
    """The name of a file, without its ending."""
    return f"part-{task:05d}-{file:04d}"


def as_text(rows: pa.Table) -> pa.Table:
    """path, label, <vector>_string: the numbers joined by commas; each reads back as the same float."""
    vectors: Any = pa.concat_arrays(rows.column(2).chunks)
    numbers = pa.ListArray.from_arrays(vectors.offsets, vectors.values.cast(pa.string()))
    text = pc.binary_join(numbers, ",")
    return pa.table([rows.column(0), rows.column(1), text], [*rows.column_names[:2], f"{rows.column_names[2]}_string"])


def csv_of(rows: pa.Table) -> pa.Buffer:
    """CSV with a header, as RFC 4180 has it: text is quoted, and a quote inside quotes doubled."""
    content = pa.BufferOutputStream()
    pcsv.write_csv(rows, content, pcsv.WriteOptions(quoting_header="none"))  # type: ignore[call-arg]  # not in the stub
    return content.getvalue()


def write_csv(rows: pa.Table, folder: str, task: int, region: str | None = None) -> None:
    """Writes one CSV file of the folder."""
    storage.write_whole(storage.join(folder, f"{part_name(task)}.csv"), csv_of(rows), region)
