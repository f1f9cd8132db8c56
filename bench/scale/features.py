"""Measures the features step: with one core and with two, and for growing numbers of images."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import steps
from bench.progress import log
from bench.spark import Run


def speedup(model: Path, images: Sequence[Path], work: Path, pairs: int) -> dict[str, object]:
    """Compare one executor core with two, which take turns on the same images.

    `inJobs` counts only Spark's jobs: starting the session takes as long with any number of cores.
    """
    whole, in_jobs = [], []
    for _ in range(pairs):
        one, two = (steps.features(model, images, work, master) for master in ("local[1]", "local[2]"))
        whole.append(one.seconds / two.seconds)
        in_jobs.append(one.in_jobs() / two.in_jobs())
        log(f"  {len(images)} images: 1 core {one.seconds:.1f} s, 2 cores {two.seconds:.1f} s")
    return {
        "images": len(images),
        "inJobs": round(median(in_jobs), 3),
        "inJobsOfPairs": [round(ratio, 3) for ratio in in_jobs],
        "wholeStep": round(median(whole), 3),
    }


def growth(
    model: Path, images: Sequence[Path], counts: Sequence[int], work: Path, repeats: int
) -> list[dict[str, object]]:
    """Measure the whole step for each number of images, in turn; the medians of the repeats count."""
    runs: dict[int, list[Run]] = {count: [] for count in counts}
    for _ in range(repeats):
        for count in counts:
            runs[count].append(steps.features(model, images[:count], work))
            log(f"  {count} images: {runs[count][-1].seconds:.1f} s")
    return [
        {
            "images": count,
            "seconds": round(median(run.seconds for run in found), 2),
            "processorSeconds": round(median(run.processor_seconds for run in found), 2),
            "ofRepeats": [round(run.seconds, 2) for run in found],
        }
        for count, found in runs.items()
    ]
