"""Sums over rows that each partition computes by itself, from which `orchard.pca` fits the principal components.

The rows are shifted by a pilot, one vector near their mean that all partitions share: sums over rows far from zero
would cancel in the covariance (Chan, Golub and LeVeque, Algorithms for computing the sample variance, The American
Statistician 37, 1983). Needs only NumPy.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.number[Any]]

# Rows that are converted to float64 at a time: 20 MB at 1,280 dimensions.
ROWS_PER_BLOCK = 2048
# Rows that are factorized at a time, together with the triangle of all earlier rows.
ROWS_PER_FACTORIZATION = 4096


def choose_pilot(sample: Rows) -> Matrix:
    """Return the median (d,) of some rows (n, d): one outlier among them does not move it away from the others."""
    pilot: Matrix = np.median(sample.astype(np.float64), axis=0)
    return pilot


@dataclass
class Moments:
    """Sums over rows x of d numbers, with y = x - `pilot`. All arrays are float64.

    `count` rows, `total` Σy (d,), `gramian` Σyyᵀ (d, d), and the smallest and largest number `low` and `high` of each
    column of x (d,).
    """

    pilot: Matrix
    count: int
    total: Matrix
    gramian: Matrix
    low: Matrix
    high: Matrix

    @staticmethod
    def zero(pilot: Matrix) -> "Moments":
        """Return the sums over no rows."""
        size = len(pilot)
        low, high = np.full(size, np.inf), np.full(size, -np.inf)
        return Moments(pilot, 0, np.zeros(size), np.zeros((size, size)), low, high)

    def add_rows(self, rows: Rows) -> None:
        """Add rows (n, d) of numbers whose squares are finite in float64."""
        for start in range(0, len(rows), ROWS_PER_BLOCK):
            block = rows[start : start + ROWS_PER_BLOCK]
            np.minimum(self.low, block.min(axis=0), out=self.low)
            np.maximum(self.high, block.max(axis=0), out=self.high)
            shifted = block.astype(np.float64)
            shifted -= self.pilot
            self.count += len(block)
            self.total += shifted.sum(axis=0)
            self.gramian += shifted.T @ shifted

    def add(self, other: "Moments") -> None:
        """Add the sums over other rows, which have the same pilot."""
        self.count += other.count
        self.total += other.total
        self.gramian += other.gramian
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)

    def to_bytes(self) -> tuple[int, bytes, bytes]:
        """Return `count`, the vectors, and the upper triangle of `gramian`, which is symmetric."""
        vectors = np.concatenate([self.total, self.low, self.high])
        return self.count, vectors.tobytes(), pack_triangle(self.gramian)

    @staticmethod
    def from_bytes(pilot: Matrix, count: int, vectors: bytes, triangle: bytes) -> "Moments":
        """Restore the sums from the results of `to_bytes`."""
        total, low, high = np.frombuffer(vectors, np.float64).copy().reshape(3, len(pilot))
        gramian = unpack_triangle(triangle, len(pilot))
        upper = np.triu_indices(len(pilot), 1)
        gramian.T[upper] = gramian[upper]
        return Moments(pilot, count, total, gramian, low, high)

    def mean(self) -> Matrix:
        """Return the mean of the rows (d,)."""
        mean: Matrix = self.pilot + self.total / self.count
        return mean

    def covariance(self) -> Matrix:
        """Return the sample covariance (d, d), which divides by count - 1."""
        covariance: Matrix = (self.gramian - np.outer(self.total, self.total / self.count)) / (self.count - 1)
        return covariance

    def rounding(self) -> float:
        """Return a bound of the absolute errors of the covariance's eigenvalues.

        Each sum of n products has an error of at most √n·eps relative to the sum of their magnitudes, in all but
        extremely unlikely cases (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci.
        Comput. 41, 2019). Summing blocks of b rows first, and then their sums, replaces √n by √b + √(n/b). By Weyl's
        inequality and |Σab| ≤ √(Σa²Σb²), eigenvalues change by at most the trace times this, and the eigensolver adds
        about √d·eps of the largest.
        """
        size = min(self.count, ROWS_PER_BLOCK)
        growth = np.sqrt(size) + np.sqrt(self.count / size) + np.sqrt(len(self.pilot))
        return float(growth * np.finfo(np.float64).eps * np.trace(self.gramian) / (self.count - 1))


@dataclass
class Factor:
    """The triangle R (d + 1, d + 1) of a QR factorization of the rows (1, x - `pilot`).

    The first row and column absorb the mean: the rest of R is the triangle of the centered rows. Errors of R's singular
    values are relative to the largest one, but those of a covariance's eigenvalues are relative to its square (Golub
    and Van Loan, Matrix Computations, 5.3 and 8.6). To merge the factors of two partitions, stack and factorize them
    (Demmel, Grigori, Hoemmen and Langou, Communication-optimal parallel QR, SIAM J. Sci. Comput. 34, 2012).
    """

    pilot: Matrix
    count: int
    triangle: Matrix

    @staticmethod
    def zero(pilot: Matrix) -> "Factor":
        """Return the factor of no rows."""
        return Factor(pilot, 0, np.zeros((0, len(pilot) + 1)))

    def add_rows(self, rows: Rows) -> None:
        """Add rows (n, d)."""
        for start in range(0, len(rows), ROWS_PER_FACTORIZATION):
            block = rows[start : start + ROWS_PER_FACTORIZATION]
            shifted = np.ones((len(block), len(self.pilot) + 1))
            shifted[:, 1:] = block
            shifted[:, 1:] -= self.pilot
            self.count += len(block)
            self._append(shifted)

    def add(self, other: "Factor") -> None:
        """Add the factor of other rows, which have the same pilot."""
        self.count += other.count
        self._append(other.triangle)

    def _append(self, rows: Matrix) -> None:
        self.triangle = np.asarray(np.linalg.qr(np.concatenate([self.triangle, rows]), mode="r"))

    def to_bytes(self) -> tuple[int, bytes]:
        """Return `count` and the rows of the triangle: d + 1 of them, or fewer if fewer rows were added."""
        return self.count, self.triangle.tobytes()

    @staticmethod
    def from_bytes(pilot: Matrix, count: int, triangle: bytes) -> "Factor":
        """Restore the factor from the results of `to_bytes`."""
        return Factor(pilot, count, np.frombuffer(triangle, np.float64).reshape(-1, len(pilot) + 1))

    def centered(self) -> Matrix:
        """Return the triangle (at most d, d) of the centered rows."""
        return self.triangle[1:, 1:]


def pack_triangle(matrix: Matrix) -> bytes:
    """Return the upper triangle of a square matrix as the bytes of its float64 numbers."""
    return matrix[np.triu_indices(len(matrix))].tobytes()


def unpack_triangle(triangle: bytes, size: int) -> Matrix:
    """Restore an upper triangular matrix (size, size) from the result of `pack_triangle`."""
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = np.frombuffer(triangle, np.float64)
    return matrix
