"""Adds the keys of a store's new files to its index, and merges the records of many runs into one."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import RDD, SparkContext

from orchard.arrow import prepare_worker
from orchard.io.storage import locate_storage
from orchard.io.tables import from_bytes
from orchard.io.uri import join, to_arrow_path
from orchard.store.keys import write_keys
from orchard.store.lookup import read_in_parts, split_by_key
from orchard.store.records import Contents, Record, is_past, merge_used, name_record, now, write_record

# Readers open all records, so more records than this are merged. Merging writes 250 MB for ten million images.
MAX_RECORDS = 32
# One file of keys is for data files of this total size: a million images with 1,280 numbers each.
BYTES_PER_PART = 5_000_000_000
# A use that was recorded within this time is not recorded again.
USE_HOLDS = timedelta(days=7)


def update_index(context: SparkContext, contents: Contents, run_id: str, used: Iterable[str]) -> bool:
    """Add a record of the files that no record covers, and of the files that the run has used, if there are any.

    If there are already MAX_RECORDS records, the new one also repeats the content of all others, and replaces them.

    Returns:
        Whether a record was added.
    """
    last_uses = merge_used(contents.records.values())
    uncovered = contents.find_uncovered()
    new_uses = find_new_uses(contents, used)
    if not uncovered and not new_uses:
        return False
    name = name_record(run_id)
    merged = contents.records if len(contents.records) >= MAX_RECORDS else {}
    old_keys = [key_file for record in merged.values() for key_file in record.keys]
    keys = _write_index(context, contents, uncovered, old_keys, name)
    covered = {file for record in merged.values() for file in record.covers if file in contents.places}
    record = Record(
        at=now(),
        covers=(*uncovered, *sorted(covered)),
        keys=tuple(keys),
        moved={file: move for file, move in contents.moved.items() if file in contents.places} if merged else {},
        expired={file: at for file, at in contents.expired.items() if file in contents.files} if merged else {},
        used={**(last_uses if merged else {}), **dict.fromkeys(new_uses, now())},
        replaces=tuple(merged),
    )
    write_record(contents.uri, name, record)
    return True


def find_new_uses(contents: Contents, used: Iterable[str]) -> list[str]:
    """Return those files of `used` that no record names as used within the last USE_HOLDS."""
    last_uses = merge_used(contents.records.values())
    return [name for name in used if name not in last_uses or is_past(last_uses[name], USE_HOLDS)]


def _write_index(
    context: SparkContext, contents: Contents, uncovered: list[str], old_keys: list[str], name: str
) -> list[str]:
    """Write the keys of `uncovered` data files and the content of `old_keys` to new files, and return their names."""
    if not uncovered and not old_keys:
        return []
    size = sum(file.size_bytes for file_name, file in contents.files.items() if file_name in contents.places)
    parts = 1 + (size if old_keys else sum(contents.files[file].size_bytes for file in uncovered)) // BYTES_PER_PART
    storage, uri = locate_storage(contents.uri), contents.uri

    def write(part: int, messages: Iterable[tuple[int, bytes]]) -> Iterator[str]:
        prepare_worker()
        tables = [from_bytes(content) for _, content in messages]
        if tables:
            file = f"{name}-{part:05d}.parquet"
            write_keys(pa.concat_tables(tables), join(uri, file), storage)
            yield file

    rows = read_in_parts(context, uri, uncovered, parts)
    if old_keys:
        rows = rows.union(_read_index(context, contents, old_keys, parts))
    return rows.partitionBy(parts).mapPartitionsWithIndex(write).collect()


def _read_index(
    context: SparkContext, contents: Contents, key_files: list[str], parts: int
) -> "RDD[tuple[int, bytes]]":
    """Return the rows of index files, with the numbers of their parts, without images that can no longer be read."""
    readable = context.broadcast(list(contents.places))
    storage, uri = locate_storage(contents.uri), contents.uri

    def read(name: str) -> Iterator[tuple[int, bytes]]:
        prepare_worker()
        with storage.open_filesystem().open_input_file(to_arrow_path(join(uri, name))) as source:
            for batch in pq.ParquetFile(source).iter_batches(use_threads=False):
                table = pa.Table.from_batches([batch])
                keep = pc.is_in(table.column("file"), value_set=pa.array(readable.value, pa.string()))
                yield from split_by_key(table.filter(keep), parts)

    return context.parallelize(key_files, len(key_files)).flatMap(read)
