"""The bare limit: as many plain processes as cores that decode, resize and run the model. No Spark, nothing written."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def measure(model: Path, images: Sequence[Path], cores: int, work: Path) -> float:
    """Seconds from the first process's start to the last one's end, each with an even share of the images."""
    lists = []
    for number in range(cores):
        lists.append(work / f"bare-{number}.txt")
        lists[-1].write_text("\n".join(str(path) for path in images[number::cores]))
    started = time.monotonic()
    command = [sys.executable, "-m", "bench.bare", str(model)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "spark"), str(ROOT)])}
    processes = [subprocess.Popen([*command, str(some)], env=environment) for some in lists]
    codes = [process.wait() for process in processes]
    seconds = time.monotonic() - started
    if any(codes):
        raise RuntimeError(f"the bare processes ended with {codes}")
    return seconds


def main(model: str, images: str) -> None:
    """One process: the job's own decoder and interpreter on each file."""
    from orchard.images import to_input  # noqa: PLC0415
    from orchard.litert import Extractor  # noqa: PLC0415

    extractor = Extractor(Path(model, "model.tflite").read_bytes())
    for path in Path(images).read_text().splitlines():
        extractor.features(to_input(Path(path).read_bytes(), 224))


if __name__ == "__main__":
    main(*sys.argv[1:])
