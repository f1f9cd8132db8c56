"""Principal components as pyspark.ml.feature.PCA defines them, from sums that each partition can compute by itself.

The covariance is the sample covariance, explained variance is a ratio of the total, and the transformation does not
center. Needs only NumPy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchard.errors import JobError
from orchard.plan import Components

Matrix = npt.NDArray[np.float64]

# Rows that are converted to float64 at a time: 20 MB at 1,280 dimensions.
ROWS_PER_BLOCK = 2048


@dataclass
class Moments:
    """Sums over rows x of d numbers: their `count`, and in float64 `total` Σx (d,) and `gramian` Σxxᵀ (d, d)."""

    count: int
    total: Matrix
    gramian: Matrix

    @staticmethod
    def zero(dimensions: int) -> "Moments":
        """Return the sums over no rows."""
        return Moments(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    def add_rows(self, rows: npt.NDArray[np.floating]) -> None:
        """Add rows (n, d) of any float dtype."""
        for start in range(0, len(rows), ROWS_PER_BLOCK):
            block = rows[start : start + ROWS_PER_BLOCK].astype(np.float64)
            self.count += len(block)
            self.total += block.sum(axis=0)
            self.gramian += block.T @ block

    def add(self, other: "Moments") -> None:
        """Add the sums over other rows."""
        self.count += other.count
        self.total += other.total
        self.gramian += other.gramian

    def to_bytes(self) -> tuple[bytes, bytes]:
        """Return `total` and the upper triangle of `gramian`, which is symmetric, as the bytes of float64 numbers."""
        return self.total.tobytes(), self.gramian[np.triu_indices(len(self.total))].tobytes()

    @staticmethod
    def from_bytes(count: int, total: bytes, triangle: bytes) -> "Moments":
        """Restore the sums from the results of `to_bytes`."""
        sums = np.frombuffer(total, np.float64).copy()
        gramian = np.zeros((len(sums), len(sums)))
        upper = np.triu_indices(len(sums))
        gramian[upper] = np.frombuffer(triangle, np.float64)
        gramian.T[upper] = gramian[upper]
        return Moments(count, sums, gramian)

    def covariance(self) -> Matrix:
        """Return the sample covariance (d, d), which divides by count - 1."""
        mean = self.total / self.count
        covariance: Matrix = (self.gramian - self.count * np.outer(mean, mean)) / (self.count - 1)
        return covariance


@dataclass(frozen=True)
class Fit:
    """A fitted PCA of d dimensions and k components. All arrays are float64.

    `components` (d, k) has a unit vector in each column. `mean` (d,) is the mean of the rows, which the transformation
    does not subtract. `variances` (k,) is the sample variance along each component, in descending order, and `ratios`
    (k,) its share of the total variance.
    """

    components: Matrix
    mean: Matrix
    variances: Matrix
    ratios: Matrix


def check_components(requested: Components, images: int, dimensions: int) -> None:
    """Refuse more components than the data can have: n points span at most n - 1 directions.

    Raises:
        JobError: There are fewer than 2 images, or the requested number exceeds min(images - 1, dimensions).
    """
    if images < 2:
        raise JobError(f"a PCA needs at least 2 images with features; there are {images}")
    maximum = min(images - 1, dimensions)
    if requested.count is not None and requested.count > maximum:
        raise JobError(
            f"{requested.count} components are asked for, but at most {maximum} are possible "
            f"with {images} images of {dimensions} dimensions: min(images - 1, dimensions)"
        )


def fit(moments: Moments, requested: Components) -> Fit:
    """Compute the principal components of the summed rows, by the eigenvectors of their covariance.

    An eigenvector's sign is arbitrary. Here the element with the largest magnitude is positive, so that equal data give
    equal signs.

    Raises:
        JobError: The requested number of components exceeds the rank of the rows, or all rows are equal.
    """
    dimensions = len(moments.total)
    check_components(requested, moments.count, dimensions)
    values, vectors = np.linalg.eigh(moments.covariance())
    # eigh sorts in ascending order. A covariance can have negative eigenvalues only by rounding.
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    total = values.sum()
    if not total > 0:
        raise JobError(f"the features of all {moments.count} images are equal: there is no variance to explain")
    ratios = values / total
    rank = _count_significant(values, moments)
    if requested.count is not None and requested.count > rank:
        raise JobError(
            f"{requested.count} components are asked for, but at most {rank} are possible: "
            f"the features of the {moments.count} images have rank {rank}"
        )
    count = requested.count or _count_for_variance(ratios, requested.variance or 1.0, rank)
    components = vectors[:, :count]
    largest = np.abs(components).argmax(axis=0)
    signs = np.where(components[largest, np.arange(count)] < 0, -1.0, 1.0)
    return Fit(components * signs, moments.total / moments.count, values[:count], ratios[:count])


def _count_significant(values: Matrix, moments: Moments) -> int:
    """Count the eigenvalues of the covariance that exceed the rounding errors of the sums it is computed from.

    The bound is the one of numpy.linalg.matrix_rank, applied to the Gramian: the rounding errors are relative to its
    trace, which is much larger than the covariance's if the mean is far from zero.
    """
    rounding = np.finfo(np.float64).eps * np.trace(moments.gramian) / (moments.count - 1)
    return max(1, min(int((values > len(values) * rounding).sum()), moments.count - 1))


def _count_for_variance(ratios: Matrix, variance: float, maximum: int) -> int:
    """Return the smallest number of components that explain `variance`, with 1e-12 for rounding in the sum."""
    reached = np.cumsum(ratios) >= variance - 1e-12
    return min(int(reached.argmax()) + 1 if reached.any() else maximum, maximum)
