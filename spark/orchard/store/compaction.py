"""Merges a store's small files into large ones, and deletes files that no run needs any more.

Compaction writes the large files, and then a record of where the rows have moved. A later run deletes the small files
when no run can still read them. If compaction is killed before it writes the record, its large files are read as any
others.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import SparkContext

from orchard.arrow import prepare_worker
from orchard.errors import JobError
from orchard.io.backend import Storage
from orchard.io.storage import locate_storage
from orchard.io.uri import join, to_arrow_path
from orchard.session import cores
from orchard.store.records import (
    EXPIRY,
    GRACE,
    INDEX,
    Contents,
    Move,
    Record,
    is_past,
    merge_used,
    name_record,
    now,
    write_record,
)
from orchard.store.writing import STORE_SCHEMA, name_file, tag_run

# Each file costs a footer and some requests, of any size. For files of more than 256 MB, this cost is negligible.
TARGET_BYTES = 256 * 1024 * 1024
# Fewer small files than this are left as they are: reading them takes Preflight a second.
MANY_FILES = 100


@dataclass(frozen=True)
class Group:
    """Files to merge into one, from old to new, and the name of the merged file."""

    inputs: tuple[str, ...]
    output: str


def plan_compaction(contents: Contents, run_id: str) -> list[Group]:
    """Choose the files to merge: none, unless there are many small ones.

    Files of other runs that are younger than GRACE are left to those runs, which may not have ended. A group consists
    of neighbours in the order of names, and its merged file gets the time of the newest of them. So of two rows with
    the same image, the newer one still counts.
    """
    small = [name for name in _find_live(contents) if contents.files[name].size_bytes < TARGET_BYTES // 2]
    if len(small) < MANY_FILES:
        return []
    own = [name for name in small if tag_run(run_id) in name]
    old = [name for name in small if name not in own and datetime.now(UTC) - contents.files[name].modified > GRACE]
    groups: list[Group] = []
    for names in (old, own):
        for inputs in _split_by_size(contents, names):
            if len(inputs) > 1:
                new = name_file(datetime.now(UTC), run_id, len(groups)).partition("-")[2]
                groups.append(Group(tuple(inputs), f"{inputs[-1].partition('-')[0]}-{new}.parquet"))
    return groups


def _find_live(contents: Contents) -> list[str]:
    """Return the files that readers use, from old to new."""
    return [name for name in contents.data_files() if name not in contents.moved and name not in contents.expired]


def _split_by_size(contents: Contents, names: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for name in names:
        group.append(name)
        size += contents.files[name].size_bytes
        if size >= TARGET_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def compact(context: SparkContext, contents: Contents, run_id: str) -> None:
    """Merge small files, if there are many, and record where their rows are now."""
    groups = plan_compaction(contents, run_id)
    if not groups:
        return
    uri, storage = contents.uri, locate_storage(contents.uri)

    def merge(group: Group) -> dict[str, tuple[str, int]]:
        prepare_worker()
        return merge_files(uri, storage, group)

    parts = context.parallelize(groups, min(len(groups), 2 * cores(context))).map(merge).collect()
    at = now()
    moved = {name: Move(file, row, at) for part in parts for name, (file, row) in part.items()}
    write_record(uri, name_record(run_id), Record(at, moved=moved))


def merge_files(uri: str, storage: Storage, group: Group) -> dict[str, tuple[str, int]]:
    """Write the rows of a group's files to one file, each row group as it was.

    The file is first written to the local disk, so that it appears whole in the store and memory holds only one row
    group at a time.

    Returns:
        For each file of the group, the merged file and the number of the row there at which its rows begin.

    Raises:
        JobError: The written file has another number of rows than its inputs.
    """
    files = storage.open_filesystem()
    begins: dict[str, tuple[str, int]] = {}
    rows = 0
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "merged.parquet"
        with pq.ParquetWriter(local, STORE_SCHEMA, use_dictionary=False) as writer:
            for name in group.inputs:
                begins[name] = (group.output, rows)
                with files.open_input_file(to_arrow_path(join(uri, name))) as source:
                    file = pq.ParquetFile(source)
                    for number in range(file.num_row_groups):
                        table = file.read_row_group(number, STORE_SCHEMA.names, use_threads=False)
                        writer.write_table(table.cast(STORE_SCHEMA))
                    rows += file.metadata.num_rows
        if (written := pq.read_metadata(local).num_rows) != rows:
            name = join(uri, group.output)
            raise JobError(f"{name} would have {written} rows, and its {len(begins)} inputs have {rows}")
        with pa.memory_map(str(local)) as content:
            storage.write_buffer(join(uri, group.output), content.read_buffer())
    return begins


def expire(contents: Contents, run_id: str) -> bool:
    """Record the files that no run has used for longer than EXPIRY, so that readers ignore them.

    Returns:
        Whether there are any.
    """
    used: dict[str, str] = {}
    for name, at in merge_used(contents.records.values()).items():
        if name in contents.places:
            file = contents.places[name].file
            used[file] = max(at, used.get(file, ""))
    idle = [
        name
        for name in _find_live(contents)
        if datetime.now(UTC) - contents.files[name].modified > EXPIRY
        if name not in used or is_past(used[name], EXPIRY)
    ]
    if idle:
        at = now()
        write_record(contents.uri, name_record(run_id), Record(at, expired=dict.fromkeys(idle, at)))
    return len(idle) > 0


def delete_unneeded(contents: Contents) -> None:
    """Delete files that were moved, expired or replaced more than GRACE ago."""
    moved = [name for name, move in contents.moved.items() if is_past(move.at, GRACE) and move.file in contents.files]
    expired = [name for name, at in contents.expired.items() if is_past(at, GRACE)]
    replaced = [
        name
        for record in contents.records.values()
        if is_past(record.at, GRACE)
        for old in record.replaces
        for name in contents.files
        if name.startswith(old.removesuffix(".json"))
    ]
    named = {name for record in contents.records.values() for name in record.keys}
    # Files of keys that no record names, because the run was killed before it wrote its record.
    orphans = [
        name
        for name, file in contents.files.items()
        if name.startswith(f"{INDEX}/") and name.endswith(".parquet") and name not in named
        if datetime.now(UTC) - file.modified > GRACE
    ]
    names = [name for name in {*moved, *expired, *replaced, *orphans} if name in contents.files]
    locate_storage(contents.uri).remove_files([join(contents.uri, name) for name in sorted(names)])
