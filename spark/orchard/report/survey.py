"""Reads all reduced features once, and finds the images of the picture, the images of the sample, and the outliers."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyspark import SparkContext

from orchard.arrow import prepare_worker
from orchard.io.vectors import Features
from orchard.moments import Matrix
from orchard.report.even import find_thresholds
from orchard.selection import digest, select_evenly
from orchard.session import cores

MAX_LABELS = 5_000
MAX_IMAGES = 70_000
MAX_SAMPLE = 5_000
# Components of the picture.
MAX_COMPONENTS = 10
# Components of the sample, for measuring distances: the first ones explain most of the variance. Their number bounds
# the driver's memory: with 5,000 labels, the tasks send up to 25,000 candidates of 1 kB.
MAX_SAMPLE_COMPONENTS = 256
MAX_OUTLIERS = 10

Values = npt.NDArray[np.float32]


class Outlier(NamedTuple):
    """An image, and its distance from the mean of all images."""

    distance: float
    path: str
    label: str


@dataclass(frozen=True)
class Images:
    """Images with the first components of each, centered: `values` (n, c)."""

    paths: list[str]
    labels: list[str]
    values: Values

    def select(self, limit: int) -> "Images":
        """Return an even selection over the labels, in the order of the paths."""
        kept = select_evenly(self.labels, [digest(path) for path in self.paths], limit)
        kept.sort(key=self.paths.__getitem__)
        return Images([self.paths[n] for n in kept], [self.labels[n] for n in kept], self.values[kept])

    @staticmethod
    def concatenate(parts: "Iterable[Images]") -> "Images":
        """Return the images of all parts; there is at least one."""
        all_parts = list(parts)
        return Images(
            [path for part in all_parts for path in part.paths],
            [label for part in all_parts for label in part.labels],
            np.concatenate([part.values for part in all_parts]),
        )


@dataclass
class _Candidates:
    """Collects the images whose digest is below their label's threshold."""

    thresholds: Mapping[str, str]
    columns: int
    paths: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)

    def add(self, names: list[tuple[str, str, str]], centered: Matrix) -> None:
        """Add the rows that may be selected. `names` has the path, label and digest of each row."""
        kept = [n for n, (_, label, key) in enumerate(names) if key < self.thresholds.get(label, "")]
        self.paths += [names[n][0] for n in kept]
        self.labels += [names[n][1] for n in kept]
        self.values.append(centered[kept, : self.columns].astype(np.float32))

    def finish(self) -> Images:
        """Return the images."""
        return Images(self.paths, self.labels, np.concatenate([np.empty((0, self.columns), np.float32), *self.values]))


@dataclass(frozen=True)
class Survey:
    """Candidates for the picture and the sample, and the farthest images, the farthest first."""

    images: Images
    sample: Images
    outliers: list[Outlier]


def count_tasks(context: SparkContext, features: Features) -> int:
    """Return the number of tasks that `survey` runs."""
    return min(len(features.groups), 2 * cores(context))


def survey(context: SparkContext, features: Features, center: Matrix, counts: Mapping[str, int]) -> Survey:
    """Read all reduced features. The driver gets only a bounded selection of them.

    Args:
        context: The Spark context.
        features: The reduced features.
        center: Their mean (k,).
        counts: The number of images of each label; images of other labels are not selected.
    """
    task = make_survey_task(features, center, counts)
    groups = context.parallelize(range(len(features.groups)), count_tasks(context, features))
    parts = groups.mapPartitions(task).collect()
    return Survey(
        Images.concatenate(part.images for part in parts).select(MAX_IMAGES),
        Images.concatenate(part.sample for part in parts).select(MAX_SAMPLE),
        _farthest(outlier for part in parts for outlier in part.outliers),
    )


def make_survey_task(
    features: Features, center: Matrix, counts: Mapping[str, int]
) -> Callable[[Iterable[int]], Iterator[Survey]]:
    """Make the function that surveys the row groups of a partition."""
    size = len(center)
    of_picture, of_sample = find_thresholds(counts, MAX_IMAGES), find_thresholds(counts, MAX_SAMPLE)

    def read(numbers: Iterable[int]) -> Iterator[Survey]:
        prepare_worker()
        images = _Candidates(of_picture, min(size, MAX_COMPONENTS))
        sample = _Candidates(of_sample, min(size, MAX_SAMPLE_COMPONENTS))
        outliers: list[Outlier] = []
        for rows, columns in features.read_named(numbers, size):
            centered: Matrix = rows.astype(np.float64) - center
            paths, labels = ([name or "" for name in column.to_pylist()] for column in columns)
            names = [(path, label, digest(path)) for path, label in zip(paths, labels, strict=True)]
            images.add(names, centered)
            sample.add(names, centered)
            distances = np.linalg.norm(centered, axis=1)
            first = np.argsort(-distances, kind="stable")[:MAX_OUTLIERS].tolist()
            outliers = _farthest([*outliers, *(Outlier(float(distances[n]), paths[n], labels[n]) for n in first)])
        yield Survey(images.finish(), sample.finish(), outliers)

    return read


def _farthest(outliers: Iterable[Outlier]) -> list[Outlier]:
    return heapq.nsmallest(MAX_OUTLIERS, outliers, key=lambda outlier: (-outlier.distance, outlier.path))
