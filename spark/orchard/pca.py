"""Principal components as pyspark.ml.feature.PCA defines them, from sums that each partition computes by itself.

The covariance is the sample covariance, explained variance is a ratio of the total, and the transformation does not
center. Needs only NumPy.

Accuracy: each explained variance has a relative error of at most 1e-9 for any mean, if the standard deviation along its
component is at least 1e-5 of the largest one. A smaller deviation has an absolute error of some 1e-16 of the largest,
as in a singular value decomposition of the centered rows (Golub and Van Loan, Matrix Computations, 8.6). The accuracy
is relative to the rows as stored: float64 numbers near 1e9 are 1e-7 apart, so smaller deviations are lost there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from orchard.errors import JobError
from orchard.moments import Factor, Matrix, Moments, Rows
from orchard.plan import Components

EPSILON = float(np.finfo(np.float64).eps)
# The relative error up to which an explained variance counts as exact.
ACCURACY = 1e-9
# The largest magnitude of a feature: a billion rows of a million squares stay far below float64's largest number.
LARGEST = 1e100
# The squares of smaller deviations lose digits or vanish, because float64 has no normal numbers below 2e-308.
SMALLEST = 1e-140
# The relative difference that rounding can make between equal features. Networks compute in float32. Two sets of
# LiteRT's kernels (XNNPACK and plain) differ as two processors do: their features of the same image differed by 4.3 to
# 6.7 epsilons of the largest feature (measured on 6 images). Computing in float64 accumulates fewer epsilons. float16
# is used only for storage, which can round equal features to neighboring numbers.
NETWORK_ROUNDING = 16 * float(np.finfo(np.float32).eps)
FLOAT64_ROUNDING = 8 * EPSILON
FLOAT16_ROUNDING = 2 * float(np.finfo(np.float16).eps)


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


@dataclass(frozen=True)
class Spectrum:
    """All eigenvalues of a covariance in descending order, and the eigenvectors (d, …) in the columns of `vectors`.

    The first `usable` ones stand out from the rounding errors.
    """

    values: Matrix
    vectors: Matrix
    usable: int


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
            f"{requested.count} components were requested, but at most {maximum} are possible "
            f"with {images} images of {dimensions} dimensions: min(images - 1, dimensions)"
        )


def find_rounding(sample: Rows) -> float:
    """Return the relative rounding error of features, judged by some rows in their stored type.

    float64 numbers that all fit into float32 were computed in float32, as in Spark's vectors, which are always float64.
    Whole numbers are exact.
    """
    if (np.trunc(sample) == sample).all():
        return 0.0
    if sample.dtype == np.float16:
        return FLOAT16_ROUNDING
    if (np.abs(sample) <= np.finfo(np.float32).max).all() and (sample.astype(np.float32) == sample).all():
        return NETWORK_ROUNDING
    return FLOAT64_ROUNDING


def check_differences(moments: Moments, rounding: float, *, one_scale: bool) -> None:
    """Refuse rows that differ only by rounding errors, because their variance means nothing.

    Args:
        moments: The sums over the rows.
        rounding: The relative rounding error of features.
        one_scale: All columns have the same scale, so that small numbers have the rounding errors of large ones: true
            for a network's features.

    Raises:
        JobError: All rows are equal, or their differences are too small to be squared.
    """
    magnitude = np.maximum(np.abs(moments.low), np.abs(moments.high))
    differences = moments.high - moments.low
    if (differences <= rounding * (magnitude.max() if one_scale else magnitude)).all():
        raise JobError(f"the features of all {moments.count} images are equal: there is no variance to explain")
    if differences.max() < SMALLEST:
        raise JobError(
            f"the features of the {moments.count} images differ by at most {differences.max():.2g}, but squares of "
            f"differences below {SMALLEST:g} vanish in float64; multiply the features by a power of ten"
        )


def fit(moments: Moments, requested: Components, factorize: Callable[[], Factor]) -> Fit:
    """Compute the principal components of the rows, by the eigenvectors of their covariance.

    An eigenvector's sign is arbitrary. Here the element with the largest magnitude is positive, so that equal data give
    equal signs.

    Args:
        moments: The sums over the rows.
        requested: The number of components, or the share of the variance.
        factorize: Computes the factor of the same rows. It takes longer than the sums, so it is called only if
            rounding errors of the sums reach the requested components.

    Raises:
        JobError: The requested number of components exceeds the rank of the rows, or the share is not reached.
    """
    check_components(requested, moments.count, len(moments.pilot))
    spectrum = solve(moments)
    count = _count_components(spectrum.values, requested)
    if count > spectrum.usable:
        spectrum = decompose(factorize())
        count = _count_components(spectrum.values, requested)
        if requested.count is not None and count > spectrum.usable:
            raise JobError(
                f"{count} components were requested, but at most {spectrum.usable} are possible: "
                f"the features of the {moments.count} images have rank {spectrum.usable}"
            )
    ratios = spectrum.values / spectrum.values.sum()
    reached = float(ratios[:count].sum())
    if requested.variance is not None and reached < requested.variance - ACCURACY:
        raise JobError(
            f"components that explain {requested.variance} of the variance were requested, but at most "
            f"{reached:.9f} is possible with {count} components"
        )
    components = spectrum.vectors[:, :count]
    largest = np.abs(components).argmax(axis=0)
    signs = np.where(components[largest, np.arange(count)] < 0, -1.0, 1.0)
    return Fit(components * signs, moments.mean(), spectrum.values[:count], ratios[:count])


def solve(moments: Moments) -> Spectrum:
    """Return the spectrum of the rows' covariance; usable values have a relative error of at most ACCURACY."""
    values, vectors = np.linalg.eigh(moments.covariance())
    # eigh sorts in ascending order. A covariance can have negative eigenvalues only by rounding.
    values = values[::-1].clip(min=0)
    return Spectrum(values, vectors[:, ::-1], int((values * ACCURACY >= moments.rounding()).sum()))


def decompose(factor: Factor) -> Spectrum:
    """Return the spectrum of the centered rows by a singular value decomposition. `usable` is their rank.

    The rank is found as in numpy.linalg.matrix_rank: it counts the singular values above eps times the longer side,
    relative to the largest one.
    """
    _, singular, directions = np.linalg.svd(factor.centered(), full_matrices=False)
    bound = singular[0] * max(factor.count, len(factor.pilot)) * EPSILON
    rank = int((singular > bound).sum())
    singular[rank:] = 0
    return Spectrum(singular**2 / (factor.count - 1), directions.T, rank)


def _count_components(values: Matrix, requested: Components) -> int:
    """Return the requested number, or the smallest one that explains the requested share minus 1e-12 for rounding."""
    if requested.count is not None:
        return requested.count
    shares = np.cumsum(values) / values.sum()
    return int((shares < (requested.variance or 1.0) - 1e-12).sum()) + 1
