"""Samples the processes of a program while it runs."""

import threading
from types import TracebackType
from typing import Self


class Sampler:
    """Calls `sample` at an interval during a `with` block, from a thread of its own."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._interval_seconds):
            self.sample()

    def sample(self) -> None:
        """Record what the processes use now."""
        raise NotImplementedError
