"""Measures the bare limit: plain processes that decode, resize and run the model, without Spark or output."""

import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# Small chunks let all processes finish at about the same time, even if the machine slows one of them down.
IMAGES_PER_CHUNK = 16

# The decoder and the model in a process, set by _load.
_compute_features: Callable[[bytes], object]


def measure(model: Path, images: Sequence[Path], cores: int) -> float:
    """Return the seconds from the start of the first process to the end of the last, for `cores` processes."""
    started = time.monotonic()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=spawn, initializer=_load, initargs=(str(model),)) as pool:
        for _ in pool.map(_compute, [str(path) for path in images], chunksize=IMAGES_PER_CHUNK):
            pass
    return time.monotonic() - started


def _load(model: str) -> None:
    global _compute_features  # noqa: PLW0603
    from orchard.model.images import to_input  # noqa: PLC0415
    from orchard.model.litert import LiteRtExtractor  # noqa: PLC0415

    size = json.loads(Path(model, "model.json").read_text())["inputSize"]
    extractor = LiteRtExtractor(Path(model, "model.tflite").read_bytes(), size, "NHWC")
    _compute_features = lambda content: extractor.features(to_input(content, size))  # noqa: E731


def _compute(path: str) -> None:
    """Run the job's own decoder and interpreter on one file."""
    _compute_features(Path(path).read_bytes())
