"""Files on local disks."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.fs as pafs

from orchard.errors import JobError
from orchard.io.backend import StoredFile, UnreadableFileError
from orchard.io.key_ranges import KeyRange

FILES_PER_PAGE = 1000


@dataclass(frozen=True)
class LocalStorage:
    """Local files, by path. See `Storage` for the operations."""

    readers: ClassVar[int] = 0
    splits_ranges: ClassVar[bool] = False

    def read_bytes(self, uri: str) -> bytes:
        """Read a whole file."""
        try:
            return Path(uri).read_bytes()
        except FileNotFoundError:
            raise JobError(f"{uri} does not exist") from None

    def exists(self, uri: str) -> bool:
        """Return whether `uri` is a file."""
        return Path(uri).is_file()

    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write a whole file under a temporary name, then rename it."""
        path = Path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        partial.write_bytes(content)
        partial.replace(path)

    def write_buffer(self, uri: str, content: pa.Buffer) -> None:
        """Write a whole file."""
        self.write_bytes(uri, content.to_pybytes())

    def remove_files(self, uris: Sequence[str]) -> None:
        """Remove files."""
        for uri in uris:
            Path(uri).unlink(missing_ok=True)

    def remove_folder(self, uri: str) -> None:
        """Remove a folder with its content."""
        shutil.rmtree(uri, ignore_errors=not Path(uri).exists())

    def list_folders(self, uri: str) -> list[str]:
        """List the names of the folders directly under `uri`."""
        try:
            with os.scandir(uri) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            return []

    def list_files(self, folder: str, *, deep: bool) -> Iterator[StoredFile]:
        """List the files directly under `folder`, or at any depth without following links to folders."""
        if not Path(folder).is_dir():
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if entry.is_file():
                    status = entry.stat()
                    modified = datetime.fromtimestamp(status.st_mtime, UTC)
                    yield StoredFile(path, entry.name, status.st_size, modified, make_etag(status))
                elif deep and entry.is_dir(follow_symlinks=False):
                    yield from self.list_files(path, deep=True)

    def list_range(self, files: KeyRange) -> Iterator[list[StoredFile]]:
        """List the files of a folder at any depth, a thousand at a time."""
        found = self.list_files(files.prefix.removesuffix("/"), deep=True)
        while page := list(islice(found, FILES_PER_PAGE)):
            yield page

    def split_range(self, files: KeyRange) -> list[KeyRange]:
        """Refuse, because folders are listed as a whole."""
        raise NotImplementedError(f"{files.prefix} cannot be listed in parts")

    def open_filesystem(self) -> pafs.FileSystem:
        """Open pyarrow's local file system."""
        return pafs.LocalFileSystem()

    def open_reader(self) -> Callable[[str], tuple[bytes, str]]:
        """Return a function that reads a file and its etag."""
        return read_with_etag


def read_with_etag(uri: str) -> tuple[bytes, str]:
    """Read a file. The etag belongs to the file that was opened, even if another file replaces it meanwhile."""
    try:
        with Path(uri).open("rb") as stream:
            return stream.read(), make_etag(os.fstat(stream.fileno()))
    except FileNotFoundError:
        raise UnreadableFileError("file not found") from None
    except PermissionError:
        raise UnreadableFileError("access denied") from None


def make_etag(status: os.stat_result) -> str:
    """Derive an etag from a file's modification time and size, which change with its content."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
