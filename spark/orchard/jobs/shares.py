"""Splits a selection of images into one share for each task, and reads the shares."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, groupby, pairwise
from operator import attrgetter
from typing import Any, NamedTuple, cast

import pyarrow.fs as pafs
import pyarrow.parquet as pq
from pyspark import RDD, SparkContext

from orchard.io.read_ahead import IMAGE_COLUMNS, Image
from orchard.io.storage import find_parquet_files, locate_storage, map_concurrently
from orchard.selection import digest_of

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


class Piece(NamedTuple):
    """Rows `start` to `end` of a row group of the Parquet file at `path`, which has no `s3://` (pyarrow's notation)."""

    path: str
    group: int
    start: int
    end: int


def read_selection(context: SparkContext, uri: str, shares: list[int]) -> "RDD[Image]":
    """Read path, label, etag and size of a selection's images, one partition for each share.

    The driver reads the footers of the files, so that a task opens only the files and row groups of its share.

    Args:
        context: The Spark context.
        uri: The folder of the selection's Parquet files.
        shares: The number of images of each partition.
    """
    storage = locate_storage(uri)
    files = storage.open_filesystem()
    paths = find_parquet_files(uri, files)
    groups = list(zip(paths, map_concurrently(lambda path: count_rows(files, path), paths), strict=True))

    def read(pieces: list[Piece]) -> Iterator[Image]:
        opened = storage.open_filesystem()
        for path, of_file in groupby(pieces, key=attrgetter("path")):
            with opened.open_input_file(path) as source:
                file = pq.ParquetFile(source)
                for piece in of_file:
                    table = file.read_row_group(piece.group, columns=list(IMAGE_COLUMNS), use_threads=False)
                    mine = table.slice(piece.start, piece.end - piece.start)
                    yield from zip(*(column.to_pylist() for column in mine.columns), strict=True)

    return context.parallelize(cut_into_pieces(groups, shares), len(shares)).flatMap(read)


def order_by_digest(images: "RDD[Image]", image_tree: str, tasks: int) -> "RDD[Image]":
    """Return images in `tasks` partitions in the order of their digests, as a pack has them."""

    def add_digest(image: Image) -> tuple[str, Image]:
        return digest_of(image[0], image_tree), image

    # Digests are evenly distributed.
    keyed: Any = images.map(add_digest)  # the stub wants keys of another type
    ordered = keyed.repartitionAndSortWithinPartitions(tasks, lambda key: int(key[:8], 16) * tasks >> 32)
    return cast("RDD[Image]", ordered.values())


def count_rows(files: pafs.FileSystem, path: str) -> list[int]:
    """Return the number of rows of each row group of a Parquet file."""
    with files.open_input_file(path) as source:
        footer = pq.ParquetFile(source).metadata
        return [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]


def cut_into_pieces(groups: list[tuple[str, list[int]]], shares: list[int]) -> list[list[Piece]]:
    """Return the pieces of row groups that each share has.

    Args:
        groups: the path of each file, and the number of rows of its row groups.
        shares: the number of rows of each share; together, at most as many rows as the files have.
    """
    all_groups = [(path, group, rows) for path, sizes in groups for group, rows in enumerate(sizes)]
    ends = list(accumulate(rows for _, _, rows in all_groups))
    pieces = []
    for start, end in pairwise([0, *accumulate(shares)]):
        first = bisect_right(ends, start)
        mine = []
        for number in range(first, len(all_groups)):
            path, group, rows = all_groups[number]
            begin = ends[number] - rows
            if begin >= end:
                break
            mine.append(Piece(path, group, max(start - begin, 0), min(end - begin, rows)))
        pieces.append(mine)
    return pieces
