import threading
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from orchard.io.read_ahead import PREFETCH_BYTES, PREFETCH_FILES, Image, read_ahead


class SlowStorage:
    """A storage with latency; counts the reads that were started."""

    readers = 8

    def __init__(self) -> None:
        self.started = 0
        self._lock = threading.Lock()

    def open_reader(self) -> Callable[[str], tuple[bytes, str]]:
        def read(uri: str) -> tuple[bytes, str]:
            with self._lock:
                self.started += 1
            return b"", uri

        return read


@given(st.lists(st.integers(0, PREFETCH_BYTES // 2) | st.just(PREFETCH_BYTES * 2), max_size=80))
@example([1000] * 80)
@example([PREFETCH_BYTES // 4] * 12)
def test_files_that_are_read_ahead_fit_into_the_memory_for_them(sizes: list[int]) -> None:
    storage: Any = SlowStorage()
    images: list[Image] = [(f"{number}.jpg", "label", f"{number}.jpg", size) for number, size in enumerate(sizes)]

    paths = []
    for number, file in enumerate(read_ahead(images, storage)):
        paths.append(file.path)
        ahead = sizes[number + 1 : storage.started]
        assert len(ahead) < PREFETCH_FILES
        assert len(ahead) <= 1 or sum(ahead) <= PREFETCH_BYTES

    assert paths == [path for path, _, _, _ in images]
