"""The bare limit: as many plain processes as cores that decode, resize and run the model. No Spark, nothing written."""

import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# Small enough that all processes end together, whatever else the machine does to one of them.
IMAGES_PER_TURN = 16

_extractor: Any = None


def measure(model: Path, images: Sequence[Path], cores: int) -> float:
    """Seconds from the first process's start to the last one's end; each takes the next few images when it is free."""
    started = time.monotonic()
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=fresh, initializer=_load, initargs=(str(model),)) as pool:
        for _ in pool.map(_compute, [str(path) for path in images], chunksize=IMAGES_PER_TURN):
            pass
    return time.monotonic() - started


def _load(model: str) -> None:
    global _extractor  # noqa: PLW0603
    sys.path.insert(0, str(ROOT / "spark"))
    from orchard.model.litert import Extractor  # noqa: PLC0415

    _extractor = Extractor(Path(model, "model.tflite").read_bytes())


def _compute(path: str) -> None:
    """The job's own decoder and interpreter on one file."""
    from orchard.model.images import to_input  # noqa: PLC0415

    _extractor.features(to_input(Path(path).read_bytes(), 224))
