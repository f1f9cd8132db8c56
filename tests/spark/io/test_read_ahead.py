import threading
from collections.abc import Callable
from typing import Any

import pytest
from orchard.io.read_ahead import PREFETCH_BYTES, PREFETCH_FILES, PREFETCH_THREADS, read_ahead


class SlowStorage:
    """A storage with latency whose files have `size` bytes; counts the reads that were started."""

    has_latency = True

    def __init__(self, size: int) -> None:
        self.started = 0
        self._size = size
        self._lock = threading.Lock()

    def open_reader(self) -> Callable[[str], tuple[bytes, str]]:
        def read(uri: str) -> tuple[bytes, str]:
            with self._lock:
                self.started += 1
            return bytes(self._size), uri

        return read


@pytest.mark.parametrize(("size", "most"), [(1000, PREFETCH_FILES), (PREFETCH_BYTES // 4, 4), (PREFETCH_BYTES * 2, 1)])
def test_files_that_are_read_ahead_fit_into_the_memory_for_them(size: int, most: int) -> None:
    storage: Any = SlowStorage(size)
    images = [(f"{number}.jpg", "label", f"{number}.jpg") for number in range(200 if size == 1000 else 12)]

    ahead = []
    for number, file in enumerate(read_ahead(images, storage)):
        assert file.path == images[number][0]
        ahead.append(storage.started - number - 1)

    assert len(ahead) == len(images)
    assert max(ahead[PREFETCH_THREADS:]) <= most
