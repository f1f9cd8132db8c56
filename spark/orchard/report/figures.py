"""Writes report/figures.json, whose contract is lambdas/contract/report-figures.ts."""

import base64
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyspark import SparkContext

from orchard.errors import find_root_cause
from orchard.io.storage import open_storage
from orchard.io.uri import join
from orchard.io.vectors import Column, find_features
from orchard.moments import Matrix
from orchard.plan import Plan
from orchard.report import thumbnails as sheet
from orchard.report.copies import ExactCopies, find_exact_copies, find_near_copies
from orchard.report.neighbours import count_confusions, find_neighbours, measure_agreement, measure_silhouette
from orchard.report.packing import pack, quantize, round_distance, split_prefix
from orchard.report.stages import Stages, read_stages
from orchard.report.survey import MAX_LABELS, Images, Survey, count_tasks, survey
from orchard.report.thumbnails import MAX_THUMBNAILS, Thumbnails, make_thumbnails

# Bytes of all paths without their common prefix: 114 for each of 70,000 images. Longer paths leave room for fewer
# images, but always for the sample, because a key on S3 has at most 1,024 bytes.
MAX_PATH_BYTES = 8_000_000


@dataclass(frozen=True)
class Reduced:
    """The reduced features of a run, in pca/parquet of its folder `run`.

    `images` is their number, `center` (k,) their mean, and `labels` has the number of images of each label.
    """

    run: str
    images: int
    center: Matrix
    labels: Mapping[str | None, int]


@dataclass(frozen=True)
class Sources:
    """The other sources of the figures.

    `selection` is the folder of the inventory's selection, None if its etags say nothing about the content; `plan` says
    where the images are, and how they are decoded.
    """

    selection: str | None
    plan: Plan


def write(context: SparkContext, reduced: Reduced, sources: Sources, stages: Stages) -> None:
    """Write report/figures.json into the folder of a run. An error is only printed.

    `stages` has the stages of this step so far; the figures add their own.
    """
    uri = join(reduced.run, "report", "figures.json")
    try:
        open_storage(uri).write_bytes(uri, to_bytes(make(context, reduced, sources, stages)))
    # The results of the run are complete without the figures.
    except Exception as error:  # noqa: BLE001
        print(f"orchard: warning: {uri} could not be written: {find_root_cause(error)}", file=sys.stderr, flush=True)


def to_bytes(figures: dict[str, object]) -> bytes:
    """Return the figures as JSON.

    Raises:
        ValueError: A number is not finite.
    """
    return json.dumps(figures, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def make(context: SparkContext, reduced: Reduced, sources: Sources, stages: Stages) -> dict[str, object]:
    """Return the content of report/figures.json; the arguments are those of `write`."""
    features = find_features(join(reduced.run, "pca", "parquet"), Column("pca_features"))
    counts = choose_labels(reduced.labels)
    with stages.record("select", count_tasks(context, features), features.rows):
        found = survey(context, features, reduced.center, counts)
    shown = found.sample.select(MAX_THUMBNAILS).paths
    with stages.record("thumbnails", sheet.count_tasks(context, shown), len(shown)):
        thumbnails = make_thumbnails(context, shown, sources.plan)
    copies = None if sources.selection is None else find_exact_copies(sources.selection, reduced.images)
    earlier = [stage for step in ("inventory", "features") for stage in read_stages(reduced.run, step)]
    figures = assemble(reduced, counts, found, copies, thumbnails)
    return {**figures, "stages": [*earlier, *stages.as_json()]}


def choose_labels(labels: Mapping[str | None, int]) -> dict[str, int]:
    """Return the most frequent labels with their numbers of images, in the order of the labels."""
    counts: Counter[str] = Counter()
    for label, images in labels.items():
        counts[label or ""] += images
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_LABELS]
    return dict(sorted(frequent))


def limit_paths(images: Images) -> Images:
    """Return as many images, evenly over the labels, as MAX_PATH_BYTES allows for paths of their average length."""
    _, names = split_prefix(images.paths)
    size = sum(len(name.encode()) for name in names)
    return images if size <= MAX_PATH_BYTES else images.select(MAX_PATH_BYTES * len(names) // size)


def assemble(
    reduced: Reduced,
    counts: Mapping[str, int],
    found: Survey,
    copies: ExactCopies | None,
    thumbnails: Thumbnails | None,
) -> dict[str, object]:
    """Return the content of report/figures.json without the stages.

    Args:
        reduced: The reduced features.
        counts: The result of `choose_labels`.
        found: The result of `survey`.
        copies: The result of `find_exact_copies`.
        thumbnails: Thumbnails of images of the sample.
    """
    images = limit_paths(found.images)
    label_numbers = {label: number for number, label in enumerate(counts)}
    positions = {path: number for number, path in enumerate(images.paths)}
    prefix, names = split_prefix(images.paths)
    labels = np.array([label_numbers[label] for label in images.labels])
    return {
        "labels": [{"label": label, "images": number} for label, number in counts.items()],
        "images": {
            "total": reduced.images,
            "prefix": prefix,
            "paths": names,
            "labels": pack(labels, max(len(counts) - 1, 0)),
        },
        "components": [quantize(images.values[:, n], float(reduced.center[n])) for n in range(images.values.shape[1])],
        **_measure_sample(found.sample, positions, label_numbers, copies),
        "outliers": [
            {"path": outlier.path, "label": outlier.label, "distance": outlier.distance} for outlier in found.outliers
        ],
        "thumbnails": None
        if thumbnails is None
        else {
            "images": [positions[path] for path in thumbnails.paths],
            "size": sheet.SIZE,
            "columns": thumbnails.columns,
            "jpegBase64": base64.b64encode(thumbnails.jpeg).decode(),
        },
    }


def _measure_sample(
    sample: Images, positions: Mapping[str, int], label_numbers: Mapping[str, int], copies: ExactCopies | None
) -> dict[str, object]:
    """Return the members `sample`, `confusions` and `duplicates`."""
    rows = sample.values.astype(np.float64)
    labels = np.array([label_numbers[label] for label in sample.labels])
    neighbours = find_neighbours(rows)
    near = find_near_copies(neighbours, sample.paths)
    return {
        "sample": {
            "images": [positions[path] for path in sample.paths],
            "components": rows.shape[1],
            "neighbours": pack(neighbours.positions, max(len(rows) - 1, 0)),
            "distances": [[round_distance(distance) for distance in row] for row in neighbours.distances.tolist()],
            "agreement": measure_agreement(neighbours, labels),
            "silhouette": measure_silhouette(rows, labels),
        },
        "confusions": [
            {"label": label, "nearest": nearest, "images": images}
            for label, nearest, images in count_confusions(neighbours, sample.labels)
        ],
        "duplicates": {
            "bound": near.bound,
            "exact": None if copies is None else {"pairs": copies.pairs, "examples": copies.examples},
            "near": {
                "pairs": near.pairs,
                "examples": [(one, other, round_distance(distance)) for one, other, distance in near.examples],
            },
        },
    }
