"""Principal components, as pyspark.ml.feature.PCA defines them, from sums that partitions can make apart.

Sample covariance; explained variance as a ratio of the whole; the transformation does not centre. Only NumPy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchard.errors import JobError
from orchard.plan import Components

Matrix = npt.NDArray[np.float64]

# Rows that are turned into float64 at a time: 20 MB at 1,280 dimensions.
ROWS_PER_BLOCK = 2048


@dataclass
class Moments:
    """Sums over rows x of d numbers: `count` of rows, `total` Σx (d,), `gramian` Σxxᵀ (d, d); all float64."""

    count: int
    total: Matrix
    gramian: Matrix

    @staticmethod
    def zero(dimensions: int) -> "Moments":
        """The sums over no rows."""
        return Moments(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    def add_rows(self, rows: npt.NDArray[np.floating]) -> None:
        """Adds rows (n, d) of any float dtype."""
        for start in range(0, len(rows), ROWS_PER_BLOCK):
            block = rows[start : start + ROWS_PER_BLOCK].astype(np.float64)
            self.count += len(block)
            self.total += block.sum(axis=0)
            self.gramian += block.T @ block

    def add(self, other: "Moments") -> None:
        """Adds the sums over other rows."""
        self.count += other.count
        self.total += other.total
        self.gramian += other.gramian

    def to_bytes(self) -> tuple[bytes, bytes]:
        """`total`, and the upper triangle of `gramian`: half of a symmetric matrix says all."""
        return self.total.tobytes(), self.gramian[np.triu_indices(len(self.total))].tobytes()

    @staticmethod
    def from_bytes(count: int, total: bytes, triangle: bytes) -> "Moments":
        """The inverse of `to_bytes`."""
        sums = np.frombuffer(total, np.float64).copy()
        gramian = np.zeros((len(sums), len(sums)))
        upper = np.triu_indices(len(sums))
        gramian[upper] = np.frombuffer(triangle, np.float64)
        gramian.T[upper] = gramian[upper]
        return Moments(count, sums, gramian)

    def covariance(self) -> Matrix:
        """The sample covariance (d, d): divided by count - 1."""
        mean = self.total / self.count
        covariance: Matrix = (self.gramian - self.count * np.outer(mean, mean)) / (self.count - 1)
        return covariance


@dataclass(frozen=True)
class Fit:
    """A fitted model; all arrays are float64.

    `components` (d, k): one a column, of length 1. `mean` (d,): of the rows; the transformation does not subtract it.
    `variances` (k,): the sample variance along each component, falling; `ratios` (k,): its share of the whole.
    """

    components: Matrix
    mean: Matrix
    variances: Matrix
    ratios: Matrix


def check_components(wanted: Components, images: int, dimensions: int) -> None:
    """Refuses more components than the data can have: n points span at most n - 1 directions.

    Raises:
        JobError: naming the maximum.
    """
    if images < 2:
        raise JobError(f"a PCA needs at least 2 images with features; there are {images}")
    maximum = min(images - 1, dimensions)
    if wanted.count is not None and wanted.count > maximum:
        raise JobError(
            f"{wanted.count} components are asked for, but at most {maximum} are possible "
            f"with {images} images of {dimensions} dimensions: min(images - 1, dimensions)"
        )


def fit(moments: Moments, wanted: Components) -> Fit:
    """The principal components of the rows that were summed.

    An eigenvector's sign is arbitrary; here each component's element of largest magnitude is positive.

    Raises:
        JobError: more components are asked for than the rows' rank, or all rows are equal.
    """
    dimensions = len(moments.total)
    check_components(wanted, moments.count, dimensions)
    values, vectors = np.linalg.eigh(moments.covariance())
    # eigh sorts upwards; a covariance has no negative eigenvalues but by rounding.
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    whole = values.sum()
    if not whole > 0:
        raise JobError(f"the features of all {moments.count} images are equal: there is no variance to explain")
    ratios = values / whole
    rank = _rank(values, moments)
    if wanted.count is not None and wanted.count > rank:
        raise JobError(
            f"{wanted.count} components are asked for, but at most {rank} are possible: "
            f"the features of the {moments.count} images have rank {rank}"
        )
    count = wanted.count or _fewest(ratios, wanted.variance or 1.0, rank)
    components = vectors[:, :count]
    largest = np.abs(components).argmax(axis=0)
    signs = np.where(components[largest, np.arange(count)] < 0, -1.0, 1.0)
    return Fit(components * signs, moments.total / moments.count, values[:count], ratios[:count])


def _rank(values: Matrix, moments: Moments) -> int:
    """How many eigenvalues of the covariance are more than rounding errors of the sums that it was made from.

    The bound is that of numpy.linalg.matrix_rank, for the Gramian: its trace is what was summed and rounded, and it
    is much larger than the covariance where the mean is far from zero.
    """
    rounding = np.finfo(np.float64).eps * np.trace(moments.gramian) / (moments.count - 1)
    return max(1, min(int((values > len(values) * rounding).sum()), moments.count - 1))


def _fewest(ratios: Matrix, variance: float, maximum: int) -> int:
    """The smallest number of components that keep `variance`; a sum may miss 1 by a rounding error."""
    reached = np.cumsum(ratios) >= variance - 1e-12
    return min(int(reached.argmax()) + 1 if reached.any() else maximum, maximum)
