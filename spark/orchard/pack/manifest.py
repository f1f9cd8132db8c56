"""The layout of a pack and its manifest, which docs/input-trees.md describes."""

import json
from dataclasses import asdict, dataclass, field

import pyarrow as pa

from orchard.errors import JobError
from orchard.io.backend import Storage
from orchard.io.uri import join

VERSION = 1
# Written last: a folder without it is no pack.
MANIFEST = "pack.json"
SHARDS = "shards"
# pack.json has this many hexadecimal digits of the first digest of each row group.
PREFIX_DIGITS = 16

# `path` is relative to the tree. `etag` is S3's own; for a local file, it is the MD5, as S3 has it after a single PUT.
COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("path", "label", "split"), pa.string()),
    "size": pa.int64(),
    "mtime": pa.timestamp("us", "UTC"),
    "etag": pa.string(),
    "content": pa.binary(),
}
SCHEMA = pa.schema(COLUMNS)


@dataclass
class Group:
    """The images of a label in a split; the split is empty in a tree without splits.

    `fingerprint` is the sum of `orchard.fingerprint` over the paths in the tree, as 64 hexadecimal digits.
    """

    split: str
    label: str
    images: int
    bytes: int
    fingerprint: str


@dataclass
class Shard:
    """A Parquet file of the pack: its name below the pack's folder, its images, its size and its sha256.

    `groups` has the beginning of the first digest of each row group: readers find a path's row group by its digest.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    groups: list[str]


@dataclass
class LeftOutReason:
    """The files that are left out for one reason, with the first paths."""

    reason: str
    count: int
    examples: list[str]


@dataclass
class Manifest:
    """The content of pack.json."""

    layout: str
    images: int
    # of the images' content
    bytes: int
    groups: list[Group]
    leftOut: list[LeftOutReason]  # noqa: N815
    shards: list[Shard]
    version: int = field(default=VERSION)

    def write(self, folder: str, storage: Storage) -> None:
        """Write pack.json to the pack's folder."""
        content = json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
        storage.write_bytes(join(folder, MANIFEST), content.encode())


def prepare_folder(folder: str, storage: Storage, *, force: bool) -> None:
    """Empty the folder of a pack. The manifest goes first: after an interruption, the rest is not taken for a pack.

    Raises:
        JobError: There is a complete pack and `force` is not set, or there is anything that belongs to no pack.
    """
    strange = [name for name in storage.list_folders(folder) if name != SHARDS]
    strange += [file.name for file in storage.list_files(folder, deep=False) if file.name != MANIFEST]
    if strange:
        raise JobError(
            f"{folder} has {strange[0]!r}, which belongs to no pack. Give an empty folder, or that of a pack"
        )
    manifest = join(folder, MANIFEST)
    if storage.exists(manifest):
        if not force:
            raise JobError(f"{folder} is a pack already. --force replaces it")
        storage.remove_files([manifest])
    storage.remove_folder(join(folder, SHARDS))
