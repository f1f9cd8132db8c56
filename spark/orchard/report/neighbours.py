"""Measures on a sample whether images of a label are close to each other: nearest neighbours, agreement, silhouette.

The distances are Euclidean. They are computed in blocks of rows, so that memory never holds the distances of all pairs.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchard.moments import Matrix

NEIGHBOURS = 5
MAX_CONFUSIONS = 200
# Rows of a block: 20 MB of distances to 5,000 images.
BLOCK_ROWS = 512

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """The nearest other images of each image, the nearest first: their positions and distances (n, NEIGHBOURS).

    There are fewer columns if there are fewer other images.
    """

    positions: Positions
    distances: Matrix


def _iterate_squared_distances(rows: Matrix) -> Iterator[tuple[int, Matrix]]:
    """Yield the squared distances (b, n) of b rows to all n rows, each block with the position of its first row."""
    squares = np.einsum("ij,ij->i", rows, rows)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        squared = block @ rows.T
        squared *= -2
        squared += squares
        squared += squares[start : start + BLOCK_ROWS, None]
        # Rounding may leave a negative number for equal rows.
        np.maximum(squared, 0, out=squared)
        yield start, squared


def find_neighbours(rows: Matrix) -> Neighbours:
    """Find the nearest neighbours of each row (n, k). Of equally distant ones, the first rows come first."""
    count = min(NEIGHBOURS, len(rows) - 1)
    if count < 1:
        return Neighbours(np.empty((len(rows), 0), np.int64), np.empty((len(rows), 0)))
    positions = []
    distances = []
    for start, squared in _iterate_squared_distances(rows):
        own = np.arange(len(squared))
        squared[own, start + own] = np.inf
        nearest = np.sort(np.argpartition(squared, count - 1, axis=1)[:, :count], axis=1)
        # Subtracting the rows keeps the digits that the expanded square loses for close rows.
        exact = np.linalg.norm(rows[start : start + len(squared), None] - rows[nearest], axis=2)
        order = np.argsort(exact, axis=1, kind="stable")
        positions.append(np.take_along_axis(nearest, order, axis=1))
        distances.append(np.take_along_axis(exact, order, axis=1))
    return Neighbours(np.concatenate(positions), np.concatenate(distances))


def measure_agreement(neighbours: Neighbours, labels: Positions) -> float | None:
    """Return the share of images whose nearest one has the same label; None with fewer than two labels."""
    if len(np.unique(labels)) < 2:
        return None
    return float(np.mean(labels[neighbours.positions[:, 0]] == labels))


def measure_silhouette(rows: Matrix, labels: Positions) -> float | None:
    """Return the mean silhouette coefficient, as sklearn.metrics.silhouette_score defines it.

    None where that is undefined: with fewer than two labels, or with as many labels as rows. It is 0 for an image that
    is the only one of its label (Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20, 1987).
    """
    _, clusters, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if not 2 <= len(sizes) < len(rows):
        return None
    order = np.argsort(clusters, kind="stable")
    clusters, rows = clusters[order], rows[order]
    firsts = np.cumsum(sizes) - sizes
    total = 0.0
    for start, squared in _iterate_squared_distances(rows):
        positions = np.arange(len(squared))
        squared[positions, start + positions] = 0
        sums = np.add.reduceat(np.sqrt(squared, out=squared), firsts, axis=1)
        own = clusters[start : start + len(squared)]
        others = sizes[own] - 1
        inside = sums[positions, own] / np.maximum(others, 1)
        means = sums / sizes
        means[positions, own] = np.inf
        outside = means.min(axis=1)
        larger = np.maximum(inside, outside)
        defined = (others > 0) & (larger > 0)
        total += float(((outside - inside)[defined] / larger[defined]).sum())
    return total / len(rows)


def count_confusions(neighbours: Neighbours, labels: list[str]) -> list[tuple[str, str, int]]:
    """Return label, nearest image's label and number of images for the most frequent pairs of different labels."""
    if neighbours.positions.shape[1] == 0:
        return []
    nearest = [labels[position] for position in neighbours.positions[:, 0].tolist()]
    pairs = Counter((label, other) for label, other in zip(labels, nearest, strict=True) if label != other)
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return [(label, other, images) for (label, other), images in ordered[:MAX_CONFUSIONS]]
