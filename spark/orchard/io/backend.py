"""The file operations that the jobs need, which each kind of storage implements."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa
import pyarrow.fs as pafs

from orchard.io.key_ranges import KeyRange


class UnreadableFileError(Exception):
    """A file cannot be read until a person changes something. The message is the reason, such as `access denied`."""


@dataclass(frozen=True)
class StoredFile:
    """A file in a listing. `path` is its URI, `modified` has a time zone."""

    path: str
    name: str
    size_bytes: int
    modified: datetime
    etag: str


class ImageStorage(Protocol):
    """Lists and reads images by URI. It can be pickled, so that the driver can send it to workers."""

    @property
    def readers(self) -> int:
        """The number of threads that read ahead to hide the network's latency; 0 where there is none."""

    @property
    def splits_ranges(self) -> bool:
        """Whether the files of a folder can be listed in parts."""

    def list_range(self, files: KeyRange) -> Iterator[list[StoredFile]]:
        """List the files of a range at any depth, in pages. Ranges with an `after` are only for `splits_ranges`."""

    def split_range(self, files: KeyRange) -> list[KeyRange]:
        """Split a range for `splits_ranges` into parts, which together have each of its files once."""

    def open_reader(self) -> Callable[[str], tuple[bytes, str]]:
        """Return a function that reads a whole file by URI: its content, and its etag as in `list_files`.

        The function may be called from several threads.

        Raises:
            UnreadableFileError: By the function, if the file does not exist or must not be read.
            OSError: By the function, for any other failure, after its own retries.
        """


class Storage(ImageStorage, Protocol):
    """Reads, writes, lists and removes files by URI."""

    def read_bytes(self, uri: str) -> bytes:
        """Read a whole file.

        Raises:
            JobError: The file does not exist.
        """

    def exists(self, uri: str) -> bool:
        """Return whether `uri` is a file."""

    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write a whole file, creating its folders. Readers see the old file or the new one, never a part."""

    def write_buffer(self, uri: str, content: pa.Buffer) -> None:
        """Write a whole file like `write_bytes`, through pyarrow, which Spark's workers have loaded anyway."""

    def remove_files(self, uris: Sequence[str]) -> None:
        """Remove files of one folder, at any depth. A file that does not exist is not an error.

        Raises:
            JobError: S3 refuses to delete an object.
            OSError: A local file cannot be deleted.
        """

    def remove_folder(self, uri: str) -> None:
        """Remove a folder with its content. A folder that does not exist is not an error.

        Raises:
            JobError: S3 refuses to delete an object.
            OSError: A local file cannot be deleted.
        """

    def list_folders(self, uri: str) -> list[str]:
        """List the names of the folders directly under `uri`, sorted; empty if `uri` does not exist."""

    def list_files(self, folder: str, *, deep: bool) -> Iterator[StoredFile]:
        """List the files directly under `folder`, or with `deep` those at any depth."""

    def open_filesystem(self) -> pafs.FileSystem:
        """Open the pyarrow file system, which addresses files as `uri.to_arrow_path` returns them."""
