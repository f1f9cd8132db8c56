"""Reads image files in order, ahead of their use where the storage has latency."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa

from orchard.io.backend import ImageStorage, UnreadableFileError

# path (a URI), label, etag, size in bytes
Image = tuple[str, str, str, int]
IMAGE_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("path", "label", "etag"), pa.string()),
    "size": pa.int64(),
}

# Files that a worker reads ahead.
PREFETCH_FILES = 32
# Their total size. It is limited because four workers share an executor's memory outside the heap, and decode in it.
PREFETCH_BYTES = 64 * 1024 * 1024


class ImageFile(NamedTuple):
    """An image of the selection with the content and etag it has now, or with the reason why it cannot be read."""

    path: str
    label: str
    etag: str
    content: bytes | None
    found_etag: str | None
    reason: str | None


def read_ahead(images: Iterable[Image], storage: ImageStorage) -> Iterator[ImageFile]:
    """Read the file of each image, in order.

    Raises:
        OSError: A file could not be read for a reason that may pass; Spark retries the task.
    """
    read_file = storage.open_reader()

    def read(image: Image) -> ImageFile:
        path, label, etag, _ = image
        try:
            return ImageFile(path, label, etag, *read_file(path), None)
        except UnreadableFileError as error:
            return ImageFile(path, label, etag, None, None, str(error))

    if storage.readers == 0:
        # Without latency, handing files from thread to thread costs more than reading them.
        yield from map(read, images)
        return

    # Each size is the one in the selection, because the limit must hold before a request begins.
    waiting: deque[tuple[Future[ImageFile], int]] = deque()
    ahead = 0

    with ThreadPoolExecutor(storage.readers, "prefetch") as pool:
        try:
            for image in images:
                size = image[3]
                while waiting and (len(waiting) == PREFETCH_FILES or ahead + size > PREFETCH_BYTES):
                    file, read_size = waiting.popleft()
                    ahead -= read_size
                    yield file.result()
                waiting.append((pool.submit(read, image), size))
                ahead += size
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            # After an error, the files that are still being read are not needed.
            pool.shutdown(wait=False, cancel_futures=True)
