"""Decodes images in a child process, to find out which image kills its decoder.

A library that crashes, or takes more memory than there is, ends the whole worker, and Spark does not know at which
image. A task that is tried again therefore decodes here. docs/images.md has the rules.
"""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from pyspark import SparkConf

from orchard.model.bad_image import RunDependentError

Pixels = npt.NDArray[np.float32]
Decode = Callable[[bytes], Pixels]

KILLED = "killed the decoder"
TOO_MUCH_MEMORY = "needs more memory than the decoder has"
# Memory of a worker without its image, in MiB, by the precision of its model: 140 or 204 for itself, 64 for files read
# ahead, 100 for the child.
_WORKER_MIB = {"float32": 140 + 64 + 100, "bf16": 204 + 64 + 100}

_decode: Decode


class IsolatedDecoder:
    """Calls `decode` for one image at a time in a child process, and starts another one when an image has killed it."""

    def __init__(self, decode: Decode, memory_bytes: int | None) -> None:
        """Prepare, without starting a process.

        Args:
            decode: A function that can be pickled.
            memory_bytes: The most memory that it may allocate; None for no limit. Only Linux enforces the limit.
        """
        self._arguments = (decode, memory_bytes)
        self._child: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def __call__(self, content: bytes) -> Pixels:
        """Decode an image.

        Raises:
            BadImageError: As `decode` raises it, and if the image has killed the process or needs too much memory.
        """
        if self._child is None:
            # A forked child would inherit locks that threads of the worker hold.
            spawn = multiprocessing.get_context("spawn")
            self._child = ProcessPoolExecutor(1, spawn, initializer=_prepare_child, initargs=self._arguments)
        try:
            return self._child.submit(_decode_in_child, content).result()
        except BrokenProcessPool:
            reason = KILLED
        except MemoryError:
            reason = TOO_MUCH_MEMORY
        # After a failed allocation, the state of the decoder's libraries is unknown.
        self._end()
        raise RunDependentError(reason)

    def _end(self) -> None:
        if self._child is not None:
            self._child.shutdown(cancel_futures=True)
        self._child = None


def _prepare_child(decode: Decode, memory_bytes: int | None) -> None:
    global _decode  # noqa: PLW0603
    _decode = decode
    if memory_bytes is not None and sys.platform == "linux":
        # The 6th number counts pages of data. RLIMIT_DATA limits them since Linux 4.7: proc(5), setrlimit(2).
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + memory_bytes, used + memory_bytes))


def _decode_in_child(content: bytes) -> Pixels:
    return _decode(content)


def find_decoder_memory(conf: SparkConf, precision: str) -> tuple[int, int] | None:
    """Return how much memory an image may take, in bytes, in a task's second attempt and in later ones.

    The second attempt allows the memory that all workers of an executor have together for their images: an image that
    needs more can never be decoded there. Later attempts allow only one worker's share of this memory, so that all
    workers together cannot exceed it.

    Returns:
        None if the executors' memory is not configured.
    """
    overhead, cores = conf.get("spark.executor.memoryOverhead"), conf.get("spark.executor.cores")
    if overhead is None or cores is None:
        return None
    share = max(100, _parse_mib(overhead) // int(cores) - _WORKER_MIB[precision]) << 20
    return share * int(cores), share


def _parse_mib(text: str) -> int:
    """Parse a size in Spark's notation as plans have it, such as `2304m` or `3g`."""
    return int(text[:-1]) * (1024 if text.endswith("g") else 1)
