"""Reads the images of a pack, a row group at a time.

Packs and selections both have the order of the digests of their images' paths. The digest of a path therefore
determines its row group, and consecutive images of a task are usually in the same row group.
"""

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from orchard.io.backend import ImageStorage, Storage, StoredFile, UnreadableFileError
from orchard.io.key_ranges import KeyRange
from orchard.io.storage import locate_storage, open_storage
from orchard.io.tables import to_list
from orchard.io.uri import join, to_arrow_path
from orchard.pack.manifest import MANIFEST, PREFIX_DIGITS
from orchard.plan import Plan
from orchard.selection import digest

# Row groups that a task keeps: the one that is in use, and the one that is read ahead.
GROUPS_KEPT = 2


def read_manifest(plan: Plan) -> dict[str, Any]:
    """Read pack.json of the plan's image tree.

    Raises:
        JobError: It does not exist.
    """
    manifest: dict[str, Any] = json.loads(open_storage(plan.image_tree).read_bytes(join(plan.image_tree, MANIFEST)))
    return manifest


def locate_images(plan: Plan) -> ImageStorage:
    """Return the storage of the plan's images, which may be in a pack."""
    storage = locate_storage(plan.image_tree)
    if not plan.packed:
        return storage
    shards = tuple((shard["name"], tuple(shard["groups"])) for shard in read_manifest(plan)["shards"])
    return PackedStorage(plan.image_tree, storage, plan.splits, shards)


@dataclass(frozen=True)
class PackedStorage:
    """The images of the pack at `tree`, by the URIs that they would have in an image tree there.

    `shards` has the name of each shard, with the beginning of the first digest of each of its row groups.
    """

    tree: str
    storage: Storage
    # None lists all splits.
    splits: tuple[str, ...] | None
    shards: tuple[tuple[str, tuple[str, ...]], ...]
    splits_ranges: ClassVar[bool] = False

    @property
    def readers(self) -> int:
        """At most one, because several would not keep to the order of the row groups, and would read some twice."""
        return min(1, self.storage.readers)

    def list_range(self, files: KeyRange) -> Iterator[list[StoredFile]]:
        """List the images of the shard at the range's prefix, a row group at a time, without their content."""
        columns: Any = ["path", "split", "size", "mtime", "etag"]
        with self.storage.open_filesystem().open_input_file(to_arrow_path(files.prefix)) as source:
            shard = pq.ParquetFile(source, pre_buffer=True)
            for number in range(shard.num_row_groups):
                rows = shard.read_row_group(number, columns=columns, use_threads=False).to_pylist()
                yield [
                    StoredFile(
                        join(self.tree, row["path"]),
                        row["path"].rpartition("/")[2],
                        row["size"],
                        row["mtime"],
                        row["etag"],
                    )
                    for row in rows
                    if self.splits is None or row["split"] in self.splits
                ]

    def split_range(self, files: KeyRange) -> list[KeyRange]:
        """Refuse, because a shard is listed as a whole."""
        raise NotImplementedError(f"{files.prefix} cannot be listed in parts")

    def open_reader(self) -> Callable[[str], tuple[bytes, str]]:
        """Return a function that reads an image and its etag in the pack."""
        return GroupReader(self).read


class GroupReader:
    """Reads images, and keeps the last row groups that they were in."""

    def __init__(self, pack: PackedStorage) -> None:
        self._pack = pack
        self._groups = [(name, number) for name, firsts in pack.shards for number in range(len(firsts))]
        self._firsts = [first for _, firsts in pack.shards for first in firsts]
        self._files = pack.storage.open_filesystem()
        self._shard: tuple[str, pq.ParquetFile] | None = None
        self._kept: OrderedDict[int, tuple[dict[str, int], pa.Table]] = OrderedDict()
        self._lock = Lock()

    def read(self, uri: str) -> tuple[bytes, str]:
        """Read an image and its etag.

        Raises:
            UnreadableFileError: The pack does not have it.
        """
        path = uri.removeprefix(f"{self._pack.tree}/")
        number = bisect_right(self._firsts, digest(path)[:PREFIX_DIGITS]) - 1
        # Only one thread reads a row group, and others wait for it.
        with self._lock:
            rows, table = self._keep(max(number, 0))
        row = rows.get(path)
        if row is None:
            raise UnreadableFileError("file not found")
        return table.column("content")[row].as_py(), table.column("etag")[row].as_py()

    def _keep(self, number: int) -> tuple[dict[str, int], pa.Table]:
        if number not in self._kept:
            name, group = self._groups[number]
            columns: Any = ["path", "etag", "content"]
            table = self._open(name).read_row_group(group, columns=columns, use_threads=False)
            self._kept[number] = ({path: row for row, path in enumerate(to_list(table.column("path")))}, table)
            if len(self._kept) > GROUPS_KEPT:
                self._kept.popitem(last=False)
        return self._kept[number]

    def _open(self, name: str) -> pq.ParquetFile:
        if self._shard is None or self._shard[0] != name:
            source = self._files.open_input_file(to_arrow_path(join(self._pack.tree, name)))
            self._shard = (name, pq.ParquetFile(source, pre_buffer=True))
        return self._shard[1]
