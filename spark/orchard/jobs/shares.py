"""Splits a selection of images into one share for each task, and reads the shares."""

from collections.abc import Iterator
from itertools import accumulate

import pyarrow.parquet as pq
from pyspark import RDD, SparkContext

from orchard.io.read_ahead import Image
from orchard.io.storage import find_parquet_files, locate_storage

# A task costs 25 ms in addition to its images, which take 5 to 12 ms each.
MIN_IMAGES_PER_TASK = 16
MAX_IMAGES_PER_TASK = 256
# Each task writes files of its own, so a very large run gets larger tasks instead of more tasks.
MAX_TASKS = 2000


def split_into_shares(images: int, cores: int) -> list[int]:
    """Return the number of images of each task, from large to small, so that all cores finish at about the same time.

    This is guided self-scheduling (Polychronopoulos and Kuck, 1987): each share is the number of images that remain,
    divided by twice the cores, between MIN_IMAGES_PER_TASK and MAX_IMAGES_PER_TASK.
    """
    largest = max(MAX_IMAGES_PER_TASK, images // MAX_TASKS)
    shares = []
    while images > 0:
        share = min(images, largest, max(MIN_IMAGES_PER_TASK, images // (2 * cores)))
        shares.append(share)
        images -= share
    return shares


def read_selection(context: SparkContext, uri: str, shares: list[int]) -> "RDD[Image]":
    """Read path, label and etag of a selection's images, one partition for each share.

    Args:
        context: The Spark context.
        uri: The folder of the selection's Parquet files.
        shares: The number of images of each partition; each task reads its own range of rows.
    """
    storage = locate_storage(uri)

    def read(share: tuple[int, int]) -> Iterator[Image]:
        start, end = share
        files = storage.open_filesystem()
        seen = 0
        for path in find_parquet_files(uri, files):
            with files.open_input_file(path) as source:
                for batch in pq.ParquetFile(source).iter_batches(columns=["path", "label", "etag"]):
                    if seen >= end:
                        return
                    first = min(max(start - seen, 0), batch.num_rows)
                    mine = batch.slice(first, max(0, end - seen - first))
                    seen += batch.num_rows
                    yield from zip(*(column.to_pylist() for column in mine.columns), strict=True)

    ends = list(accumulate(shares))
    return context.parallelize(list(zip([0, *ends], ends, strict=False)), len(shares)).flatMap(read)
