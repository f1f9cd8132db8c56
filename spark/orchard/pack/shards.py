"""Writes the shards of a pack, and reads them back to verify them."""

import hashlib
import io
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from orchard.errors import JobError
from orchard.io.uri import join, to_arrow_path
from orchard.pack.manifest import PREFIX_DIGITS, SCHEMA, SHARDS, Shard
from orchard.selection import digest

# A multiple of S3's 8 MiB parts; large enough that a million images of 100 kB are 800 objects.
SHARD_BYTES = 128 * 1024 * 1024
# A task reads whole row groups. The first bound limits its memory for large images, and the second one keeps tasks even
# for small ones.
GROUP_BYTES = 8 * 1024 * 1024
GROUP_ROWS = 256
# Bytes of a file that are hashed at once.
CHUNK_BYTES = 8 * 1024 * 1024

# JPEG and PNG do not compress further.
_UNCOMPRESSED = {"content": "NONE"}
_META = [name for name in SCHEMA.names if name != "content"]


class Row(NamedTuple):
    """An image of the pack, as SCHEMA has it."""

    path: str
    label: str
    split: str
    size: int
    mtime: datetime
    etag: str
    content: bytes


class HashingSink(io.RawIOBase):
    """Passes written bytes on to a stream, and computes their sha256 and their number."""

    def __init__(self, target: pa.NativeFile) -> None:
        super().__init__()
        self._target = target
        self._sha256 = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def tell(self) -> int:
        """Return the number of bytes so far."""
        return self.size

    def write(self, data: Any) -> int:  # noqa: ANN401
        """Write the bytes of a buffer."""
        view = memoryview(data)
        self._sha256.update(view)
        self._target.write(view)
        self.size += view.nbytes
        return view.nbytes

    @property
    def sha256(self) -> str:
        """The digest, in hexadecimal digits."""
        return self._sha256.hexdigest()


class ShardWriter:
    """Writes rows into shards; keeps at most the rows of one row group."""

    def __init__(
        self,
        folder: str,
        files: pafs.FileSystem,
        on_closed: Callable[[Shard], None],
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        """Prepare, without writing.

        Args:
            folder: URI of the pack.
            files: The file system of the folder.
            on_closed: Receives each shard once it is written.
            shard_bytes: The size at which a shard is complete.
        """
        self._folder = folder
        self._files = files
        self._on_closed = on_closed
        self._shard_bytes = shard_bytes
        self._waiting: list[Row] = []
        self._waiting_bytes = 0
        self._open: tuple[str, pa.NativeFile, HashingSink, pq.ParquetWriter] | None = None
        self._rows = 0
        self._groups: list[str] = []
        self.shards: list[Shard] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()

    def add(self, row: Row) -> None:
        """Add a row."""
        most = min(GROUP_BYTES, self._shard_bytes)
        if self._waiting and (len(self._waiting) == GROUP_ROWS or self._waiting_bytes + len(row.content) > most):
            self._write_group()
        self._waiting.append(row)
        self._waiting_bytes += len(row.content)

    def finish(self) -> None:
        """Write the rows that are left, and close the last shard."""
        if self._waiting:
            self._write_group()
        self._close_shard()

    def _write_group(self) -> None:
        if self._open is None:
            self._open = self._open_shard()
        _, _, sink, writer = self._open
        columns = [
            pa.array(list(values), field.type)
            for values, field in zip(zip(*self._waiting, strict=True), SCHEMA, strict=True)
        ]
        writer.write_table(pa.table(columns, schema=SCHEMA), row_group_size=len(self._waiting))
        self._rows += len(self._waiting)
        self._groups.append(digest(self._waiting[0].path)[:PREFIX_DIGITS])
        self._waiting, self._waiting_bytes = [], 0
        if sink.size >= self._shard_bytes:
            self._close_shard()

    def _open_shard(self) -> tuple[str, pa.NativeFile, HashingSink, pq.ParquetWriter]:
        name = f"{SHARDS}/{len(self.shards):05d}.parquet"
        stream = self._files.open_output_stream(to_arrow_path(join(self._folder, name)))
        sink = HashingSink(stream)
        compression: Any = {**dict.fromkeys(_META, "zstd"), **_UNCOMPRESSED}
        statistics: Any = ["path"]
        dictionary: Any = ["label", "split"]
        target: Any = sink  # the stub wants all of IO
        writer = pq.ParquetWriter(
            target, SCHEMA, compression=compression, use_dictionary=dictionary, write_statistics=statistics
        )
        return name, stream, sink, writer

    def _close_shard(self) -> None:
        if self._open is None:
            return
        name, stream, sink, writer = self._open
        writer.close()
        stream.close()
        shard = Shard(name, self._rows, sink.size, sink.sha256, self._groups)
        self._open, self._rows, self._groups = None, 0, []
        self.shards.append(shard)
        self._on_closed(shard)


def verify_shard(folder: str, shard: Shard, files: pafs.FileSystem) -> None:
    """Read a shard back, and compare its rows and its sha256 with those that were written.

    Raises:
        JobError: They differ.
    """
    digest, path = hashlib.sha256(), to_arrow_path(join(folder, shard.name))
    with files.open_input_file(path) as source:
        rows = pq.ParquetFile(source).metadata.num_rows
        source.seek(0)
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
    found = (rows, digest.hexdigest())
    if found != (shard.rows, shard.sha256):
        raise JobError(
            f"{join(folder, shard.name)} has {rows} rows and the sha256 {found[1]}, but {shard.rows} rows with "
            f"{shard.sha256} were written. Pack again"
        )
