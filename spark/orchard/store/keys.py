"""The keys of the index: 16 bytes for each image in the store, sorted, in Parquet files that readers can skip through.

A key begins with the first byte of the path's sha256, so that Preflight can read a share of the index for a share of
the images (lambdas/preflight/stored-images.ts makes the same keys).
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from orchard.io.backend import Storage
from orchard.io.tables import to_list
from orchard.io.uri import join, to_arrow_path

# The image's key, the store's file that has it, the number of the row there, and whether the image is unusable.
KEYS_COLUMNS: dict[str, pa.DataType] = {
    "key": pa.binary(),
    "file": pa.string(),
    "row": pa.int32(),
    "bad": pa.bool_(),
}
KEYS_SCHEMA = pa.schema(KEYS_COLUMNS)
# Readers read whole row groups, which have 200 kB each. A store with ten million images has 1,200 of them.
ROWS_PER_GROUP = 8192


def make_key(path: str, etag: str) -> bytes:
    """Return the key of an image: 1 byte of its path's sha256, and 15 bytes of the sha256 of path, tab and etag.

    With ten million images in the store and in a run, the odds that any two share a key are below 1e-20.
    """
    name = path.encode()
    return hashlib.sha256(name).digest()[:1] + hashlib.sha256(name + b"\t" + etag.encode()).digest()[:15]


def make_keys(table: pa.Table) -> list[bytes]:
    """Return the keys of a table's rows, which have the columns path and etag."""
    return list(map(make_key, to_list(table.column("path")), to_list(table.column("etag"))))


def split_evenly(keys: Sequence[bytes], parts: int) -> npt.NDArray[np.int64]:
    """Return the part of each key, from 0 to `parts` - 1 in the order of the keys. Keys are evenly distributed."""
    leading = np.frombuffer(b"".join(key[:2] for key in keys), ">u2").astype(np.int64)
    return leading * parts >> 16


def read_file_keys(files: pafs.FileSystem, uri: str, name: str) -> pa.Table:
    """Return rows of KEYS_SCHEMA for one of the store's files, by reading its columns path, etag and reason."""
    with files.open_input_file(to_arrow_path(join(uri, name))) as source:
        table = pq.ParquetFile(source).read(columns=["path", "etag", "reason"], use_threads=False)
    rows = table.num_rows
    columns = [
        pa.array(make_keys(table), pa.binary()),
        pa.array([name] * rows, pa.string()),
        pa.array(np.arange(rows, dtype=np.int32)),
        table.column("reason").is_valid(),
    ]
    return pa.table(columns, schema=KEYS_SCHEMA)


def write_keys(keys: pa.Table, uri: str, storage: Storage) -> None:
    """Write a file of keys, sorted."""
    content = pa.BufferOutputStream()
    dictionary: Any = ["file"]  # the stub lacks lists
    pq.write_table(keys.sort_by("key"), content, row_group_size=ROWS_PER_GROUP, use_dictionary=dictionary)
    storage.write_buffer(uri, content.getvalue())


def read_keys(files: pafs.FileSystem, uri: str, wanted: Sequence[bytes]) -> pa.Table:
    """Return those row groups of a file of keys that may have any of the `wanted` keys, which are sorted."""
    with files.open_input_file(to_arrow_path(uri)) as source:
        file = pq.ParquetFile(source)
        ranges: list[Any] = [file.metadata.row_group(n).column(0).statistics for n in range(file.num_row_groups)]
        numbers = [n for n, found in enumerate(ranges) if _any_between(found.min, found.max, wanted)]
        return file.read_row_groups(numbers, use_threads=False).cast(KEYS_SCHEMA)


def _any_between(low: bytes, high: bytes, wanted: Sequence[bytes]) -> bool:
    first = bisect_left(wanted, low)
    return first < len(wanted) and wanted[first] <= high
