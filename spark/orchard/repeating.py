"""Repeats a call while something else runs."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Repeater:
    """Makes a call at an interval from a thread of its own, during a `with` block or from `start` to `stop`."""

    def __init__(self, interval_seconds: float, call: Callable[[], None]) -> None:
        self._interval_seconds = interval_seconds
        self._call = call
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="repeater", daemon=True)

    def start(self) -> None:
        """Start. The first call comes after the interval."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for a call that is being made."""
        self._ended.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _repeat(self) -> None:
        while not self._ended.wait(self._interval_seconds):
            self._call()
