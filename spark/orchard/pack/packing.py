"""Packs an image tree: lists it, reads the images in the order of their digests, and writes shards and manifest."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime

import pyarrow as pa

from orchard.errors import JobError
from orchard.fingerprint import MODULUS, add_up, format_fingerprint
from orchard.io.backend import Storage
from orchard.io.read_ahead import Image, read_ahead
from orchard.io.storage import locate_storage
from orchard.io.uri import is_s3, join
from orchard.left_out import LeftOut, LeftOutFiles
from orchard.pack.manifest import SHARDS, Group, LeftOutReason, Manifest, Shard, prepare_folder
from orchard.pack.shards import SHARD_BYTES, Row, ShardWriter, verify_shard
from orchard.selection import digest
from orchard.tree import TreeRules, is_folder_marker

# Sorting needs the whole listing in memory: some 150 bytes for each image, 1.5 GB for ten million.
LISTING_COLUMNS: dict[str, pa.DataType] = {
    "path": pa.string(),
    "size": pa.int64(),
    "mtime": pa.timestamp("us", "UTC"),
    "digest": pa.binary(32),
}
LISTING_SCHEMA = pa.schema(LISTING_COLUMNS)
ROWS_PER_BATCH = 10_000
EXAMPLES_SHOWN = 3

# Receives the name of a phase, the number of images that it has done, and their total.
Report = Callable[[str, int, int], None]


def keep_shard(_: Shard) -> None:
    """Leave a shard where it is."""


class Counts:
    """Adds up the images of each split and label."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], tuple[int, int, int]] = {}

    def add(self, row: Row) -> None:
        """Add an image."""
        images, size, total = self._groups.get((row.split, row.label), (0, 0, 0))
        total = (total + add_up([(row.path, row.etag)])) % MODULUS
        self._groups[row.split, row.label] = (images + 1, size + row.size, total)

    def summarize(self) -> list[Group]:
        """Return the groups by split and label."""
        return [
            Group(split, label, images, size, format_fingerprint(total))
            for (split, label), (images, size, total) in sorted(self._groups.items())
        ]


def pack(
    source: str,
    target: str,
    rules: TreeRules,
    report: Report,
    *,
    force: bool = False,
    on_shard: Callable[[Shard], None] = keep_shard,
    shard_bytes: int = SHARD_BYTES,
) -> Manifest:
    """Pack the image tree at `source` into the folder `target`, and verify the written files.

    The manifest is written last. If the call fails or is killed, there is none, and the next call starts again from
    the beginning. Equal trees give equal files.

    Args:
        source: URI of the tree, without its last slash.
        target: URI of the folder, without its last slash.
        rules: The tree's rules.
        report: Receives the progress.
        force: Replaces a complete pack.
        on_shard: Receives each shard once it is written and verified, and may move it away.
        shard_bytes: The size at which a shard is complete.

    Raises:
        JobError: The tree has no images, the target is no place for a pack, or the verification failed.
    """
    if join(target, "").startswith(join(source, "")):
        raise JobError(f"{target} is in the image tree {source}, whose file it would become. Give a folder outside")
    storage, target_storage = locate_storage(source), locate_storage(target)
    prepare_folder(target, target_storage, force=force)
    left_out, counts = LeftOutFiles(EXAMPLES_SHOWN), Counts()
    listing = list_tree(source, rules, storage, left_out, report)
    if listing.num_rows == 0:
        place = "/".join(f"<{name}>" for name in rules.layout.split("/"))
        raise JobError(f"{source} has no image ({', '.join(rules.image_endings)}) at {place}/<image>")
    files = target_storage.open_filesystem()
    if not is_s3(target):
        files.create_dir(join(target, SHARDS), recursive=True)

    def hand_over(shard: Shard) -> None:
        verify_shard(target, shard, files)
        on_shard(shard)

    with ShardWriter(target, files, hand_over, shard_bytes) as writer:
        for done, row in enumerate(read_rows(source, rules, listing, storage, left_out), 1):
            counts.add(row)
            writer.add(row)
            report("pack", done, listing.num_rows)
    shards, groups = writer.shards, counts.summarize()
    images, rows = sum(group.images for group in groups), sum(shard.rows for shard in shards)
    if images == 0:
        raise JobError(f"none of the {listing.num_rows} images of {source} can be read")
    if rows != images:
        raise JobError(f"{target} has {rows} rows, but {images} images were read")
    counted = left_out.reasons.most_common()
    reasons = [LeftOutReason(reason, count, left_out.first_of(reason)) for reason, count in counted]
    size = sum(group.bytes for group in groups)
    manifest = Manifest(rules.layout, images, size, groups, reasons, shards)
    manifest.write(target, target_storage)
    return manifest


def list_tree(source: str, rules: TreeRules, storage: Storage, left_out: LeftOutFiles, report: Report) -> pa.Table:
    """Return rows of LISTING_SCHEMA for the images of the tree, in the order of their paths' digests."""
    tables = [LISTING_SCHEMA.empty_table()]
    rows: list[tuple[str, int, datetime, bytes]] = []

    def flush() -> None:
        columns = zip(*rows, strict=True) if rows else ([] for _ in LISTING_SCHEMA)
        arrays = [pa.array(list(values), field.type) for values, field in zip(columns, LISTING_SCHEMA, strict=True)]
        tables.append(pa.table(arrays, schema=LISTING_SCHEMA))
        rows.clear()

    listed = 0
    for file in storage.list_files(source, deep=True):
        path = file.path.removeprefix(f"{source}/")
        if is_folder_marker(path, file.size_bytes):
            continue
        reason = rules.reason_to_leave_out(path)
        if reason is not None:
            left_out.add([LeftOut(path, reason)])
            continue
        rows.append((path, file.size_bytes, file.modified, bytes.fromhex(digest(path))))
        if len(rows) == ROWS_PER_BATCH:
            listed += len(rows)
            flush()
            report("list", listed, listed)
    flush()
    return pa.concat_tables(tables).sort_by("digest")


def read_rows(
    source: str, rules: TreeRules, listing: pa.Table, storage: Storage, left_out: LeftOutFiles
) -> Iterator[Row]:
    """Read the images of a listing in its order. Those that cannot be read are left out.

    Raises:
        OSError: An image could not be read for a reason that may pass.
    """
    has_splits = rules.layout == "split/label"

    def rows() -> Iterator[tuple[str, int, datetime]]:
        for batch in listing.to_batches(ROWS_PER_BATCH):
            columns = [batch.column(name).to_pylist() for name in ("path", "size", "mtime")]
            yield from zip(*columns, strict=True)

    def images() -> Iterator[Image]:
        for path, size, _ in rows():
            yield join(source, path), "", "", size

    for (path, _, modified), file in zip(rows(), read_ahead(images(), storage), strict=True):
        if file.content is None:
            left_out.add([LeftOut(path, "unreadable")])
            continue
        names = path.split("/")
        split, label = (names[0], names[1]) if has_splits else ("", names[0])
        # S3 has the MD5 as the etag of an object that one PUT has written.
        etag = (file.found_etag or "") if is_s3(source) else _md5(file.content)
        yield Row(path, label, split, len(file.content), modified, etag, file.content)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
