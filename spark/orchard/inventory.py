"""The inventory job: what images there are, and which of them the run uses."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark import Accumulator, SparkContext
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import LongType, StringType, StructField, StructType, TimestampType

from orchard import outputs, storage
from orchard.arrow import ArrowFunction, map_in_arrow, numbers
from orchard.errors import JobError
from orchard.plan import Plan
from orchard.progress import Progress
from orchard.selection import select_images
from orchard.session import cores, sql

IMAGES = StructType(
    [
        StructField("path", StringType(), False),
        StructField("split", StringType(), False),
        StructField("label", StringType(), False),
        StructField("filename", StringType(), False),
        StructField("size", LongType(), False),
        StructField("mtime", TimestampType(), False),
        StructField("etag", StringType(), False),
    ]
)
ARROW_IMAGES = to_arrow_schema(IMAGES)
# How many names an error message lists.
NAMES_SHOWN = 20


@dataclass(frozen=True)
class LabelFolder:
    """One `<split>/<label>` folder."""

    split: str
    label: str
    uri: str


def run(context: SparkContext, plan: Plan, progress: Progress) -> None:
    """Writes inventory/{metadata,stats,selection,summary.json}.

    Raises:
        JobError: there are no images, or the mode selects none.
    """
    session = sql(context)
    region = storage.region_of(plan.source)
    folders = find_folders(plan.source, plan.splits)
    images = list_images(session, folders, region, progress.done).cache()
    folder_stats = stats(images)
    everything = {
        "images": sum(row["count"] for row in folder_stats),
        "labels": len({row["label"] for row in folder_stats}),
        "bytes": sum(row["bytes"] for row in folder_stats),
    }
    progress.begin(everything["images"])
    if not folder_stats:
        raise JobError(f"{plan.source} has no .jpg, .jpeg or .png file under <split>/<label>/")

    # A list of paths is small: one file, which the features job cuts evenly.
    selection = select_images(images, plan.mode, plan.label, plan.limit).coalesce(1).sortWithinPartitions("path")
    selection = selection.cache()
    selected = count_selected(selection)
    if selected["images"] == 0:
        raise nothing_selected(plan, sorted({row["label"] for row in folder_stats}))

    folder = storage.join(plan.run, "inventory")
    outputs.write_csv(metadata(images), storage.join(folder, "metadata"))
    storage.write_bytes(storage.join(folder, "stats", "part-00000.csv"), stats_csv(folder_stats).encode())
    outputs.write_parquet(selection, storage.join(folder, "selection"))
    summary = {**everything, "selected": {**selected, "fingerprint": fingerprint(selection)}}
    outputs.write_json(summary, storage.join(folder, "summary.json"))


def find_folders(source: str, splits: tuple[str, ...] | None) -> list[LabelFolder]:
    """The `<split>/<label>` folders under `source`, in order; all splits when none are named.

    Raises:
        JobError: there are no splits, or a named one is not there.
    """
    there = storage.list_folders(source)
    if not there:
        raise JobError(f"{source} is empty or does not exist; images are expected at <split>/<label>/<image>")
    missing = [split for split in splits or () if split not in there]
    if missing:
        raise JobError(f"{source} has no split {', '.join(missing)}; there are: {_some(there)}")
    return [
        LabelFolder(split, label, storage.join(source, split, label))
        for split in (there if splits is None else splits)
        for label in storage.list_folders(storage.join(source, split))
    ]


def list_images(
    session: SparkSession, folders: list[LabelFolder], region: str | None, done: Accumulator[int]
) -> DataFrame:
    """One row an image in `folders` (schema IMAGES); the workers list, a few folders a task."""
    # A folder is one LIST call or more, whatever its size; small tasks even that out.
    tasks = max(1, min(len(folders), 4 * cores(session.sparkContext)))
    return map_in_arrow(session.range(0, len(folders), 1, tasks), _lister(folders, region, done), IMAGES)


def _lister(folders: list[LabelFolder], region: str | None, done: Accumulator[int]) -> ArrowFunction:
    def list_folder(folder: LabelFolder) -> pa.RecordBatch:
        files = list(storage.list_images(folder.uri, region))
        done.add(len(files))
        rows = [
            {
                "path": file.path,
                "split": folder.split,
                "label": folder.label,
                "filename": file.name,
                "size": file.size_bytes,
                "mtime": file.modified,
                "etag": file.etag,
            }
            for file in files
        ]
        return pa.RecordBatch.from_pylist(rows, schema=ARROW_IMAGES)

    def list_all(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number in numbers(batches):
            yield list_folder(folders[number])

    return list_all


def metadata(images: DataFrame) -> DataFrame:
    """s3_path, label, filename, split, modification_time (UTC), file_size_bytes"""
    return images.select(
        sf.col("path").alias("s3_path"),
        "label",
        "filename",
        "split",
        sf.col("mtime").alias("modification_time"),
        sf.col("size").alias("file_size_bytes"),
    )


def stats(images: DataFrame) -> list[Row]:
    """split, label, count, bytes of each folder that has images, in order; as few as there are folders"""
    counts = images.groupBy("split", "label").agg(sf.count("path").alias("count"), sf.sum("size").alias("bytes"))
    return sorted(counts.collect(), key=lambda row: (str(row["split"]), str(row["label"])))


def stats_csv(folder_stats: list[Row]) -> str:
    """split, label, count"""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "label", "count"])
    writer.writerows((row["split"], row["label"], row["count"]) for row in folder_stats)
    return text.getvalue()


def count_selected(selection: DataFrame) -> dict[str, int]:
    """images, labels and bytes"""
    rows = selection.groupBy("label").agg(sf.count("path").alias("count"), sf.sum("size").alias("bytes")).collect()
    return {
        "images": sum(row["count"] for row in rows),
        "labels": len(rows),
        "bytes": sum(row["bytes"] for row in rows),
    }


def fingerprint(selection: DataFrame) -> str:
    """sha256 of a line `<path>\\t<etag>\\n` for each image, in hexadecimal. Preflight computes the same.

    Args:
        selection: path, etag in one partition, in the order of the paths' UTF-8 bytes.
    """

    def digest(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        lines = hashlib.sha256()
        for batch in batches:
            for path, etag in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                lines.update(f"{path}\t{etag}\n".encode())
        yield pa.RecordBatch.from_pydict({"sha256": [lines.hexdigest()]})

    schema = StructType([StructField("sha256", StringType())])
    [row] = map_in_arrow(selection.select("path", "etag"), digest, schema).collect()
    return str(row["sha256"])


def nothing_selected(plan: Plan, labels: list[str]) -> JobError:
    """The error that says which labels there are."""
    what = f"mode {plan.mode}" + (f" with label {plan.label!r}" if plan.mode == "single-class" else "")
    return JobError(f"{what} selects no image of {plan.source}; labels there: {_some(labels)}")


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
