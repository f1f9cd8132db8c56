"""Finds out which images of a selection a store has, by path and etag."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import RDD, SparkContext, StorageLevel

from orchard.arrow import prepare_worker
from orchard.io.read_ahead import IMAGE_COLUMNS, Image
from orchard.io.storage import find_parquet_files, locate_storage, map_concurrently
from orchard.io.tables import from_bytes, to_bytes, to_list
from orchard.io.uri import join
from orchard.session import cores
from orchard.store.keys import KEYS_SCHEMA, make_keys, read_file_keys, read_keys, split_evenly
from orchard.store.records import Place, read_contents

# The images of a selection that the store has: the file and the number of the row there, and whether it is unusable.
PLACES_COLUMNS: dict[str, pa.DataType] = {
    "path": pa.string(),
    "label": pa.string(),
    "file": pa.string(),
    "row": pa.int32(),
    "bad": pa.bool_(),
}
PLACES_SCHEMA = pa.schema(PLACES_COLUMNS)
KEYED_COLUMNS: dict[str, pa.DataType] = {"key": pa.binary(), **IMAGE_COLUMNS}
KEYED_SCHEMA = pa.schema(KEYED_COLUMNS)
# A task compares this many images of the selection with their share of the index: 10 MB of each for ten million images.
IMAGES_PER_PART = 50_000


class Part(NamedTuple):
    """The result for the images with a range of keys, as Arrow's bytes: PLACES_SCHEMA, and IMAGE_COLUMNS."""

    known: bytes
    missing: bytes


@dataclass(frozen=True)
class Lookup:
    """The images of a selection that the store at `uri` has, and those that it lacks.

    `known` is the number of images in the store, `bad` is the number of unusable images among them, and `used` names
    the files that have them. The images themselves stay with Spark's executors.
    """

    uri: str
    known: int
    bad: int
    used: frozenset[str]
    parts: "RDD[Part]"

    def read_missing(self, tasks: int) -> "RDD[Image]":
        """Return path, label, etag, size of the images that the store lacks, evenly in `tasks` partitions."""
        return self.parts.flatMap(lambda part: _to_rows(from_bytes(part.missing))).repartition(tasks)

    def read_places(self, tasks: int) -> "RDD[pa.Table]":
        """Return a table of PLACES_SCHEMA for each file of the store, in the order of its rows."""

        def split(part: Part) -> Iterator[tuple[int, bytes]]:
            known = from_bytes(part.known)
            encoded = known.column("file").combine_chunks().dictionary_encode()
            numbers = [crc32(name.encode()) % tasks for name in to_list(encoded.dictionary)]
            tasks_of_files = np.array(numbers, np.int64)
            yield from split_table(known, tasks_of_files[encoded.indices.to_numpy()])

        return self.parts.flatMap(split).partitionBy(tasks).mapPartitions(_sort_by_file)


def look_up(context: SparkContext, uri: str, selection: str, images: int) -> Lookup | None:
    """Look up the images of a selection in the store; None if the store is empty.

    Images and index are split by ranges of keys, so that no task reads more of the index than it needs. Files that no
    record of the index covers are read themselves, without their features.

    Args:
        context: The Spark context.
        uri: The folder of the store.
        selection: The folder of the selection's Parquet files, with IMAGE_COLUMNS.
        images: The number of images in the selection.
    """
    contents = read_contents(uri)
    places = contents.places
    if not places:
        return None
    count = 1 + images // IMAGES_PER_PART
    wanted = _read_wanted(context, selection, count)
    uncovered = contents.find_uncovered()
    stored = read_in_parts(context, uri, uncovered, count)
    key_files = [name for record in contents.records.values() for name in record.keys]
    known_places = context.broadcast(places)
    storage = locate_storage(uri)

    def compare(messages: Iterable[tuple[int, bytes]]) -> Iterator[Part]:
        prepare_worker()
        tables = [from_bytes(content) for _, content in messages]
        of_images = (table for table in tables if "path" in table.column_names)
        images_here = pa.concat_tables([KEYED_SCHEMA.empty_table(), *of_images])
        files = storage.open_filesystem()
        keys = sorted(to_list(images_here.column("key")))
        index = map_concurrently(lambda name: read_keys(files, join(uri, name), keys), key_files)
        new = (table for table in tables if "path" not in table.column_names)
        stored_here = pa.concat_tables([KEYS_SCHEMA.empty_table(), *new, *index])
        yield match(images_here, stored_here, known_places.value)

    parts = wanted.union(stored).partitionBy(count).mapPartitions(compare).persist(StorageLevel.MEMORY_AND_DISK)
    summaries = parts.map(_summarize).collect()
    known, bad = sum(known for known, _, _ in summaries), sum(bad for _, bad, _ in summaries)
    return Lookup(uri, known, bad, frozenset(name for _, _, names in summaries for name in names), parts)


def match(images: pa.Table, stored: pa.Table, places: Mapping[str, Place]) -> Part:
    """Compare images with rows of the index. If several rows have the same image, the newest readable one counts.

    Args:
        images: Rows of KEYED_SCHEMA.
        stored: Rows of KEYS_SCHEMA.
        places: Where the rows of each file are; rows of other files are left out.
    """
    numbers = pc.index_in(stored.column("key"), value_set=images.column("key").combine_chunks())
    readable = pc.is_in(stored.column("file"), value_set=pa.array(list(places), pa.string()))
    found = stored.append_column("image", numbers).filter(pc.and_(numbers.is_valid(), readable))
    found = found.sort_by([("image", "ascending"), ("file", "ascending"), ("row", "ascending")])
    image = found.column("image").to_numpy()
    is_newest = np.ones(len(image), bool)
    is_newest[:-1] = image[1:] != image[:-1]
    newest = found.filter(pa.array(is_newest, pa.bool_()))
    encoded = newest.column("file").combine_chunks().dictionary_encode()
    here = [places[name] for name in to_list(encoded.dictionary)]
    first_rows = np.array([place.first_row for place in here], np.int32)[encoded.indices.to_numpy()]
    known_images = images.take(newest.column("image"))
    known = pa.table(
        [
            known_images.column("path"),
            known_images.column("label"),
            pa.array([place.file for place in here], pa.string()).take(encoded.indices),
            pa.array(newest.column("row").to_numpy() + first_rows),
            newest.column("bad"),
        ],
        schema=PLACES_SCHEMA,
    )
    is_known = np.zeros(images.num_rows, bool)
    is_known[newest.column("image").to_numpy()] = True
    missing = images.select(list(IMAGE_COLUMNS)).filter(pa.array(~is_known, pa.bool_()))
    return Part(to_bytes(known), to_bytes(missing))


def read_in_parts(context: SparkContext, uri: str, names: Sequence[str], parts: int) -> "RDD[tuple[int, bytes]]":
    """Return rows of KEYS_SCHEMA for files of the store, with the number of the part that their keys belong to."""
    storage = locate_storage(uri)

    def read(some: Iterable[str]) -> Iterator[tuple[int, bytes]]:
        prepare_worker()
        files = storage.open_filesystem()
        tables = map_concurrently(lambda name: read_file_keys(files, uri, name), some)
        yield from split_by_key(pa.concat_tables([KEYS_SCHEMA.empty_table(), *tables]), parts)

    return context.parallelize(names, max(1, min(len(names), 4 * cores(context)))).mapPartitions(read)


def split_by_key(table: pa.Table, parts: int) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of each part of the keys."""
    return split_table(table, split_evenly(to_list(table.column("key")), parts))


def split_table(table: pa.Table, numbers: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Iterator[tuple[int, bytes]]:
    """Yield the rows with each number, as Arrow's bytes."""
    for number in np.unique(numbers).tolist():
        yield number, to_bytes(table.filter(pa.array(numbers == number, pa.bool_())))


def _read_wanted(context: SparkContext, selection: str, parts: int) -> "RDD[tuple[int, bytes]]":
    storage = locate_storage(selection)
    files = storage.open_filesystem()

    def list_groups(path: str) -> list[tuple[str, int]]:
        with files.open_input_file(path) as source:
            return [(path, number) for number in range(pq.ParquetFile(source).num_row_groups)]

    groups = [group for some in map_concurrently(list_groups, find_parquet_files(selection, files)) for group in some]

    def read(group: tuple[str, int]) -> Iterator[tuple[int, bytes]]:
        prepare_worker()
        path, number = group
        with storage.open_filesystem().open_input_file(path) as source:
            table = pq.ParquetFile(source).read_row_group(number, list(IMAGE_COLUMNS), use_threads=False)
        columns = [pa.array(make_keys(table), pa.binary()), *(table.column(name) for name in IMAGE_COLUMNS)]
        yield from split_by_key(pa.table(columns, names=KEYED_SCHEMA.names).cast(KEYED_SCHEMA), parts)

    return context.parallelize(groups, max(1, min(len(groups), 4 * cores(context)))).flatMap(read)


def _summarize(part: Part) -> tuple[int, int, list[str]]:
    known = from_bytes(part.known)
    return known.num_rows, pc.sum(known.column("bad")).as_py() or 0, to_list(known.column("file").unique())


def _to_rows(table: pa.Table) -> Iterator[Image]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _sort_by_file(messages: Iterable[tuple[int, bytes]]) -> Iterator[pa.Table]:
    tables = [from_bytes(content) for _, content in messages]
    if not tables:
        return
    table = pa.concat_tables(tables).sort_by([("file", "ascending"), ("row", "ascending")])
    first = 0
    for _, group in groupby(table.column("file").to_pylist()):
        rows = sum(1 for _ in group)
        yield table.slice(first, rows)
        first += rows
