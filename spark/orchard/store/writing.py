"""Adds rows to a features store."""

import hashlib
import uuid
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext

from orchard.io.backend import Storage
from orchard.io.uri import join

# One of `features` and `reason` is null: unusable images are kept as well, so that no run tries them again.
STORE_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("etag", pa.string()),
        pa.field("features", pa.list_(pa.float32())),
        pa.field("reason", pa.string()),
    ]
)
# A worker keeps up to this many rows (5 MB of features) in memory, and loses them if it is killed.
ROWS_PER_FILE = 1024


def tag_run(run_id: str) -> str:
    """Return a short tag for a run. The run's id may have characters that are unsafe in a file's name."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:12]


def name_file(written: datetime, run_id: str, task: int) -> str:
    """Return a new name, without an ending. The time comes first, so that the newest file has the largest name."""
    return f"{written:%Y%m%dT%H%M%S.%fZ}-{tag_run(run_id)}-{task:05d}-{uuid.uuid4().hex[:12]}"


def task_number() -> int:
    """Return the number of the current task; 0 in the driver."""
    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


class StoreWriter:
    """Adds the rows of one task to a store, a file at a time."""

    def __init__(self, uri: str, storage: Storage, run_id: str) -> None:
        self._uri = uri
        self._storage = storage
        self._run_id = run_id
        self._waiting: list[pa.Table] = []

    def add(self, results: pa.RecordBatch, etags: list[str | None]) -> None:
        """Add rows of path, label, features and reason.

        Args:
            results: The rows.
            etags: The etag of the content that was read for each row; rows with None are left out.
        """
        rows = pa.table(
            {
                "path": results.column("path"),
                "etag": pa.array(etags, pa.string()),
                "features": results.column("features"),
                "reason": results.column("reason"),
            }
        )
        self._waiting.append(rows.filter(rows.column("etag").is_valid()))
        if sum(table.num_rows for table in self._waiting) >= ROWS_PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Write the rows that were added since the last file."""
        table = pa.concat_tables(self._waiting) if self._waiting else None
        self._waiting = []
        if table is None or table.num_rows == 0:
            return
        content = pa.BufferOutputStream()
        pq.write_table(table, content, use_dictionary=False)
        name = f"{name_file(datetime.now(UTC), self._run_id, task_number())}.parquet"
        self._storage.write_buffer(join(self._uri, name), content.getvalue())
