"""Reads image files in order, ahead of their use where the storage has latency."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from orchard.io.backend import Storage

# path (a URI), label, etag
Image = tuple[str, str, str]

# How many files a worker reads ahead, and by how many threads, to hide S3's latency of 20 to 100 ms for each object.
PREFETCH_FILES = 32
PREFETCH_THREADS = 8
# Their total size. It is limited because four workers share an executor's memory outside the heap, and decode in it.
PREFETCH_BYTES = 64 * 1024 * 1024


class ImageFile(NamedTuple):
    """An image of the selection with the content and etag it has now, both None if the file no longer exists."""

    path: str
    label: str
    etag: str
    content: bytes | None
    found_etag: str | None


def read_ahead(images: Iterable[Image], storage: Storage) -> Iterator[ImageFile]:
    """Read the file of each image, in order.

    Raises:
        OSError: A file could not be read for another reason than that it is missing; Spark retries the task.
    """
    read_file = storage.open_reader()

    def read(image: Image) -> ImageFile:
        try:
            return ImageFile(*image, *read_file(image[0]))
        except FileNotFoundError:
            return ImageFile(*image, None, None)

    if not storage.has_latency:
        # Without latency, handing files from thread to thread costs more than reading them.
        yield from map(read, images)
        return

    waiting: deque[Future[ImageFile]] = deque()
    largest = 0

    with ThreadPoolExecutor(PREFETCH_THREADS, "prefetch") as pool:
        try:
            for image in images:
                waiting.append(pool.submit(read, image))
                while len(waiting) > _limit_files(largest):
                    file = waiting.popleft().result()
                    largest = max(largest, len(file.content or b""))
                    yield file
            while waiting:
                yield waiting.popleft().result()
        finally:
            # After an error, the files that are still being read are not needed.
            pool.shutdown(wait=False, cancel_futures=True)


def _limit_files(largest: int) -> int:
    """Return how many files may be read ahead if they are as large as the largest one so far, in bytes."""
    if largest == 0:
        # No size is known yet.
        return PREFETCH_THREADS
    return max(1, min(PREFETCH_FILES, PREFETCH_BYTES // largest))
