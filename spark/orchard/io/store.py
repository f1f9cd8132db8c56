"""The features store: Parquet files of features that earlier runs computed, for later runs to reuse.

A store is one folder for each model. A file appears when its rows are complete and never changes after that, so that
readers can trust every file although runs may be killed or write concurrently. Several files may have the same image;
readers take the newest one.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from pyspark import SparkContext, TaskContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.types import StringType, StructField, StructType

from orchard.errors import JobError
from orchard.io.backend import Storage
from orchard.io.storage import find_parquet_files, locate_storage
from orchard.io.uri import join, to_arrow_path
from orchard.progress import Progress
from orchard.session import sql

# A store's files also have the columns `features` (list of float32) and `reason` (string), one of them null: unusable
# images are kept as well, so that no run tries them again.
KEYS_SCHEMA = StructType([StructField("path", StringType()), StructField("etag", StringType())])
SELECTION_SCHEMA = StructType(
    [StructField("path", StringType()), StructField("label", StringType()), KEYS_SCHEMA["etag"]]
)
# A worker keeps up to this many rows (5 MB of features) in memory, and loses them if it is killed.
ROWS_PER_FILE = 1024

# path, label, file name, row number in the file
Place = tuple[str, str, str, int]


class StoreWriter:
    """Adds the rows of one task to a store, a file at a time."""

    def __init__(self, uri: str, storage: Storage, run_id: str) -> None:
        self._uri = uri
        self._storage = storage
        # A run's name may have characters that are unsafe in a file's name.
        self._run = hashlib.sha256(run_id.encode()).hexdigest()[:12]
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
        context = TaskContext.get()
        task = 0 if context is None else context.partitionId()
        # The time comes first, so that the newest file has the largest name.
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{self._run}-{task:05d}-{uuid.uuid4().hex[:12]}.parquet"
        self._storage.write_buffer(join(self._uri, name), content.getvalue())


def find_known(context: SparkContext, uri: str, selection: str) -> DataFrame | None:
    """Find the images of a selection in the store, by path and etag. Reads only these two columns of the store.

    Args:
        context: The Spark context.
        uri: The folder of the store.
        selection: The folder of the selection's Parquet files (path, label, etag).

    Returns:
        path, label, etag, file, row: one row for each image that the store has unchanged. None if the store is empty.
    """
    if not find_parquet_files(uri, locate_storage(uri).open_filesystem()):
        return None
    session = sql(context)
    keys = (
        session.read.schema(KEYS_SCHEMA)
        .parquet(uri)
        .select("path", "etag", sf.col("_metadata.file_name").alias("file"), sf.col("_metadata.row_index").alias("row"))
    )
    newest = sf.max(sf.struct("file", "row")).alias("newest")
    wanted = session.read.schema(SELECTION_SCHEMA).parquet(selection)
    places = keys.join(wanted, ["path", "etag"]).groupBy("path", "label", "etag").agg(newest)
    return places.select("path", "label", "etag", "newest.file", "newest.row").cache()


def find_missing(context: SparkContext, selection: str, known: DataFrame) -> DataFrame:
    """Return path, label, etag of the selection's images that `find_known` did not find."""
    wanted = sql(context).read.schema(SELECTION_SCHEMA).parquet(selection)
    return wanted.join(known, ["path", "etag"], "left_anti").select("path", "label", "etag")


def group_by_file(known: DataFrame, tasks: int) -> DataFrame:
    """Return path, label, file, row for `make_read_task`: the rows of a file are in one partition, and in order."""
    together = known.select("path", "label", "file", "row").repartition(tasks, "file")
    return together.sortWithinPartitions("file", "row")


def make_read_task(
    uri: str, schema: pa.Schema, progress: Progress
) -> Callable[[Iterable[Place]], Iterator[tuple[pa.RecordBatch, int]]]:
    """Make the function that reads a task's places in the store.

    Args:
        uri: The folder of the store.
        schema: The schema of the yielded batches (path, label, features, reason), one for each file. Each comes with
            the number of images that have changed, which is always 0 for the store.
        progress: Counts the images.

    Raises:
        JobError: In a task, if a file's rows are not the ones that `find_known` found.
    """
    done, errors = progress.done, progress.errors
    storage = locate_storage(uri)

    def read_file(files: pafs.FileSystem, name: str, places: list[Place]) -> pa.RecordBatch:
        with files.open_input_file(to_arrow_path(join(uri, name))) as source:
            table = pq.ParquetFile(source).read(columns=["path", "features", "reason"], use_threads=False)
        rows = table.take([row for _, _, _, row in places])
        paths = [path for path, _, _, _ in places]
        if rows.column("path").to_pylist() != paths:
            raise JobError(f"{join(uri, name)} has changed since it was listed; delete it, or start again with force")
        columns = [
            pa.array(paths, pa.string()),
            pa.array([label for _, label, _, _ in places], pa.string()),
            pa.concat_arrays(rows.column("features").chunks).cast(schema.field("features").type),
            pa.concat_arrays(rows.column("reason").chunks),
        ]
        done.add(len(paths))
        errors.add(len(paths) - columns[3].null_count)
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def read(places: Iterable[Place]) -> Iterator[tuple[pa.RecordBatch, int]]:
        files = storage.open_filesystem()
        for name, group in groupby(places, key=lambda place: place[2]):
            yield read_file(files, name, list(group)), 0

    return read
