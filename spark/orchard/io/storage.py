"""Chooses the back end for a URI. Has the operations that are the same for all back ends."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow.fs as pafs

from orchard.io.backend import Storage
from orchard.io.local import LocalStorage
from orchard.io.s3 import S3Storage, find_region
from orchard.io.uri import is_s3, split_s3, to_arrow_path

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# The number of concurrent small requests. They wait for S3, not for this machine's processors.
THREADS = 16


def open_storage(uri: str) -> Storage:
    """Return the storage that holds `uri`, for small files in the driver. Makes no request."""
    return S3Storage() if is_s3(uri) else LocalStorage()


def locate_storage(uri: str) -> Storage:
    """Return the storage that holds `uri`, with its bucket's region, for pyarrow and for workers.

    The driver calls this once and sends the result, so that no worker has to ask S3 for the region.
    """
    return S3Storage(find_region(split_s3(uri)[0])) if is_s3(uri) else LocalStorage()


def write_json(uri: str, document: object) -> None:
    """Write a JSON file."""
    open_storage(uri).write_bytes(uri, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def find_parquet_files(uri: str, files: pafs.FileSystem) -> list[str]:
    """Find the Parquet files under `uri` at any depth, sorted, as pyarrow's paths; empty if there is no such folder."""
    root = to_arrow_path(uri).rstrip("/")
    found = files.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    # Spark marks files that are not results by a leading _ or . in a name of their path.
    return sorted(
        file.path
        for file in found
        if file.type == pafs.FileType.File
        and file.path.endswith(".parquet")
        and not any(part.startswith(("_", ".")) for part in file.path.removeprefix(root).split("/"))
    )


def map_concurrently(function: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """Call `function` with each item in THREADS threads, and return the results in the items' order."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, items))
