"""The features store: what was computed once is not computed again.

A store is a folder of Parquet files, one folder for each model. A file is written in one go when its
rows are complete and is never changed, so whatever is there can be trusted, whoever was killed and however many runs
write at once. The same image may be in several files; readers take the newest.
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
from orchard.io import storage
from orchard.progress import Progress
from orchard.session import sql

# A row of a store's file has also `features`, or the `reason` why there are none: an image that cannot be used is not
# tried again either.
KEYS = StructType([StructField("path", StringType()), StructField("etag", StringType())])
SELECTION = StructType([StructField("path", StringType()), StructField("label", StringType()), KEYS["etag"]])
# 5 MB of features, which is what a worker holds back, and what is lost of its work when it is killed.
ROWS_PER_FILE = 1024


class Writer:
    """Puts rows into a store, a file at a time. One for each task."""

    def __init__(self, uri: str, region: str | None, run_id: str) -> None:
        self._uri = uri
        self._region = region
        # A run's name may hold characters that a file's name had better not.
        self._run = hashlib.sha256(run_id.encode()).hexdigest()[:12]
        self._waiting: list[pa.Table] = []

    def add(self, results: pa.RecordBatch, etags: list[str | None]) -> None:
        """Rows of path, label, features, reason; `etags` are those of the contents that were read, None if none was."""
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
        """Writes what waits."""
        table = pa.concat_tables(self._waiting) if self._waiting else None
        self._waiting = []
        if table is None or table.num_rows == 0:
            return
        content = pa.BufferOutputStream()
        pq.write_table(table, content, use_dictionary=False)
        context = TaskContext.get()
        task = 0 if context is None else context.partitionId()
        # The time comes first: in the order of names a later file is a newer one.
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{self._run}-{task:05d}-{uuid.uuid4().hex[:12]}.parquet"
        storage.write_whole(storage.join(self._uri, name), content.getvalue(), self._region)


def find(context: SparkContext, uri: str, selection: str) -> DataFrame | None:
    """Where the store has the images of a selection (the URI of path, label, etag): path, label, etag, file, row.

    One row an image, none for one that is new or changed. Only the keys are read. None when the store is empty.
    """
    if not storage.parquet_files(uri, storage.filesystem(uri, storage.region_of(uri))):
        return None
    session = sql(context)
    keys = (
        session.read.schema(KEYS)
        .parquet(uri)
        .select("path", "etag", sf.col("_metadata.file_name").alias("file"), sf.col("_metadata.row_index").alias("row"))
    )
    newest = sf.max(sf.struct("file", "row")).alias("newest")
    wanted = session.read.schema(SELECTION).parquet(selection)
    places = keys.join(wanted, ["path", "etag"]).groupBy("path", "label", "etag").agg(newest)
    return places.select("path", "label", "etag", "newest.file", "newest.row").cache()


def missing(context: SparkContext, selection: str, known: DataFrame) -> DataFrame:
    """path, label, etag of the selection's images that `find` did not find"""
    wanted = sql(context).read.schema(SELECTION).parquet(selection)
    return wanted.join(known, ["path", "etag"], "left_anti").select("path", "label", "etag")


def arrange(places: DataFrame, tasks: int) -> DataFrame:
    """path, label, file, row as `reader` wants them: the rows of a file together and in order."""
    together = places.select("path", "label", "file", "row").repartition(tasks, "file")
    return together.sortWithinPartitions("file", "row")


def reader(
    uri: str, schema: pa.Schema, progress: Progress
) -> Callable[[Iterable[tuple[str, str, str, int]]], Iterator[tuple[pa.RecordBatch, int]]]:
    """What a task does with path, label, file, row: reads path, label, features, reason; none of them has changed."""
    done, errors = progress.done, progress.errors
    region = storage.region_of(uri)

    def read_file(files: pafs.FileSystem, name: str, places: list[tuple[str, str, str, int]]) -> pa.RecordBatch:
        with files.open_input_file(storage.path_in_filesystem(storage.join(uri, name))) as source:
            table = pq.ParquetFile(source).read(columns=["path", "features", "reason"], use_threads=False)
        rows = table.take([row for _, _, _, row in places])
        paths = [path for path, _, _, _ in places]
        if rows.column("path").to_pylist() != paths:
            raise JobError(f"{storage.join(uri, name)} is not what it was; delete it, or start again with force")
        columns = [
            pa.array(paths, pa.string()),
            pa.array([label for _, label, _, _ in places], pa.string()),
            pa.concat_arrays(rows.column("features").chunks).cast(schema.field("features").type),
            pa.concat_arrays(rows.column("reason").chunks),
        ]
        done.add(len(paths))
        errors.add(len(paths) - columns[3].null_count)
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def read(places: Iterable[tuple[str, str, str, int]]) -> Iterator[tuple[pa.RecordBatch, int]]:
        files = storage.filesystem(uri, region)
        for name, group in groupby(places, key=lambda place: place[2]):
            yield read_file(files, name, list(group)), 0

    return read
