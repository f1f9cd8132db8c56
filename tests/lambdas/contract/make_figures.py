"""Writes figures of runs as the Spark job does, for report-figures.test.ts: a JSON array of them to standard output."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3] / "spark"))
from orchard.report.copies import ExactCopies
from orchard.report.figures import Reduced, assemble, choose_labels, to_bytes
from orchard.report.stages import Stages
from orchard.report.survey import MAX_COMPONENTS, Images, Outlier, Survey
from orchard.report.thumbnails import SIZE, Thumbnails, compose

LABELS = ['Kiwi "wild"', "line\nbreak\u2028\x00", "تفاح 🍏", "</script><script>alert(1)</script>", "x" * 300]


def make(count: int, components: int, labels: list[str]) -> bytes:
    """Makes the figures of a run of `count` images."""
    names = [labels[number % len(labels)] for number in range(count)]
    paths = sorted(f"s3://bucket/data/raw/Training/{name}/{number}.jpg" for number, name in enumerate(names))
    values = np.random.default_rng(1).normal(size=(count, components)).astype(np.float32)
    images = Images(paths, names, values[:, :MAX_COMPONENTS])
    found = Survey(images, Images(paths, names, values), [Outlier(1.5, paths[0], names[0])])
    reduced = Reduced(
        "s3://bucket/runs/run-1", count, np.zeros(components), {name: names.count(name) for name in names}
    )
    copies = ExactCopies(1, [(paths[0], paths[1])]) if count > 2 else None
    sheet = compose([np.zeros((SIZE, SIZE, 3), np.uint8)] * 2, 2)
    thumbnails = Thumbnails(paths[:2], 2, sheet) if count > 2 else None
    stages = Stages("features")
    with stages.record("extract", 3, count):
        pass
    with stages.record("look up", 1):
        pass
    counts = choose_labels(reduced.labels)
    return to_bytes({**assemble(reduced, counts, found, copies, thumbnails), "stages": stages.as_json()})


if __name__ == "__main__":
    cases = [make(40, 12, LABELS), make(2, 1, LABELS[:1]), make(300, 2, [f"label {n}" for n in range(300)])]
    sys.stdout.buffer.write(b"[" + b",".join(cases) + b"]")
