"""Writes a step's results: Parquet and CSV files of path, label and a vector, written by the workers themselves.

Passing rows through the JVM takes several times as long as writing them, and converting Parquet to CSV needs a second
pass. Each file is written whole, under a name that is unique to the task's attempt. If a lost executor or an earlier
driver still writes a file, it replaces no other file, and `orchard.io.outputs.keep_reported` removes it.
"""

import secrets
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from orchard.checks import VectorFaults
from orchard.io.backend import Storage
from orchard.io.outputs import Output, Outputs
from orchard.io.uri import join

# A worker keeps rows in memory up to this size before it writes a file: 8 MB are the features of 1,600 images. Their
# CSV is three times as large.
BYTES_PER_FILE = 8_000_000


class PartFiles:
    """Writes the files of one attempt of a task into folders of `folder`, and counts them in `outputs`."""

    def __init__(self, folder: str, storage: Storage, task: int) -> None:
        self.outputs: Outputs = {}
        self._folder = folder
        self._storage = storage
        self._task = task
        self._attempt = secrets.token_hex(4)

    def write(self, kind: str, extension: str, content: pa.Buffer, rows: int) -> None:
        """Write the next file of the folder `kind`. Names sort by task and file, for all attempts."""
        output = self.outputs.setdefault(kind, Output())
        name = f"part-{self._task:05d}-{len(output.sizes):04d}-{self._attempt}{extension}"
        self._storage.write_buffer(join(self._folder, kind, name), content)
        output.add(name, rows, content.size)

    def write_csv(self, kind: str, rows: pa.Table) -> None:
        """Write rows as the next CSV file of the folder `kind`."""
        self.write(kind, ".csv", format_csv(rows), rows.num_rows)


class PartWriter:
    """Writes the rows of one task. For the checks, it counts the faults of the vectors, and the written files."""

    def __init__(self, folder: str, storage: Storage, task: int, dimensions: int, *, csv: bool) -> None:
        self.faults = VectorFaults()
        self.files = PartFiles(folder, storage, task)
        self._dimensions = dimensions
        self._csv = csv
        self._waiting: list[pa.RecordBatch] = []

    @property
    def outputs(self) -> Outputs:
        """The files that are written, by folder, such as parquet and csv."""
        return self.files.outputs

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
        content = pa.BufferOutputStream()
        pq.write_table(rows, content, use_dictionary=False)
        self.files.write("parquet", ".snappy.parquet", content.getvalue(), rows.num_rows)
        if self._csv:
            self.files.write_csv("csv", format_vectors(rows))


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
