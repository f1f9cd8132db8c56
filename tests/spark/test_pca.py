import os
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orchard import pca
from orchard.errors import JobError
from orchard.moments import Factor, Moments, choose_pilot
from orchard.pca import Fit, check_components, check_differences, find_rounding, fit
from orchard.plan import Components
from pyspark.ml.feature import PCA
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

Rows = npt.NDArray[np.float32]

GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden" / "mini-features.parquet"


def correlated(rows: int, dimensions: int) -> Rows:
    """Generate rows with a mean far from zero, and descending variances along rotated directions."""
    random = np.random.default_rng(7)
    mixed = random.normal(size=(rows, dimensions)) * np.geomspace(5, 0.05, dimensions)
    rotation = np.linalg.qr(random.normal(size=(dimensions, dimensions)))[0]
    turned: Rows = (mixed @ rotation + 3).astype(np.float32)
    return turned


def fit_in_parts(rows: npt.NDArray[Any], requested: Components, parts: int = 3) -> Fit:
    """Fit as the reduction does: the partitions' sums cross a process as bytes."""
    sample = rows[:64]
    pilot = choose_pilot(sample)
    moments, blocks = Moments.zero(pilot), np.array_split(rows, parts)
    for block in blocks:
        part = Moments.zero(pilot)
        part.add_rows(block)
        moments.add(Moments.from_bytes(pilot, *part.to_bytes()))

    def factorize() -> Factor:
        factor = Factor.zero(pilot)
        for block in blocks:
            part = Factor.zero(pilot)
            part.add_rows(block)
            factor.add(Factor.from_bytes(pilot, *part.to_bytes()))
        return factor

    check_components(requested, len(rows), rows.shape[1])
    check_differences(moments, find_rounding(sample), one_scale=False)
    return fit(moments, requested, factorize)


def test_equals_numpy() -> None:
    rows = correlated(500, 30)

    found = fit_in_parts(rows, Components(count=10))

    centered = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    _, singular, directions = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(found.ratios, (singular**2 / (singular**2).sum())[:10], atol=1e-12)
    np.testing.assert_allclose(np.abs((directions[:10] @ found.components).diagonal()), 1, atol=1e-9)


def test_equals_mllib_up_to_sign(spark: SparkSession) -> None:
    rows = correlated(200, 12)
    frame = spark.createDataFrame([(Vectors.dense(row.tolist()),) for row in rows], ["features"])
    model = PCA(k=4, inputCol="features", outputCol="reduced").fit(frame)
    reduced = np.array([row.reduced.toArray() for row in model.transform(frame).select("reduced").collect()])

    found = fit_in_parts(rows, Components(count=4))

    np.testing.assert_allclose(found.ratios, model.explainedVariance.toArray(), atol=1e-12)
    expected = model.pc.toArray()
    signs = np.sign((expected * found.components).sum(axis=0))
    np.testing.assert_allclose(found.components, expected * signs, atol=1e-9)
    # Neither implementation centers.
    np.testing.assert_allclose(rows.astype(np.float64) @ found.components, reduced * signs, atol=1e-9)


@pytest.mark.skipif(not GOLDEN.exists(), reason="no shared/golden")
def test_equals_the_golden_features() -> None:
    rows = np.array(pq.read_table(GOLDEN).column("features").to_pylist(), dtype=np.float32)

    found = fit_in_parts(rows, Components(count=50))

    assert found.ratios.sum() == pytest.approx(0.9292699028497264, abs=1e-9)


def test_signs_do_not_depend_on_the_order_of_rows() -> None:
    rows = correlated(100, 8)

    first, second = fit_in_parts(rows, Components(count=5)), fit_in_parts(rows[::-1], Components(count=5), parts=7)

    np.testing.assert_allclose(first.components, second.components, atol=1e-9)
    largest = np.abs(first.components).argmax(axis=0)
    assert np.all(first.components[largest, np.arange(5)] > 0)


@pytest.mark.parametrize("variance", [0.1, 0.5, 0.9, 0.99, 1.0])
def test_the_fewest_components_that_explain_the_variance(variance: float) -> None:
    rows = correlated(200, 20)
    everything = np.cumsum(fit_in_parts(rows, Components(count=20)).ratios)

    found = fit_in_parts(rows, Components(variance=variance))

    count = len(found.ratios)
    assert found.ratios.sum() >= variance - 1e-12
    assert count == 1 or everything[count - 2] < variance


def test_a_share_that_is_not_reached_is_refused_with_the_possible_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pca, "_count_components", lambda _values, _requested: 1)

    with pytest.raises(JobError, match=r"explain 0\.9 of the variance were requested, but at most 0\.\d+ is possible"):
        fit_in_parts(correlated(200, 20), Components(variance=0.9))


@pytest.mark.parametrize(("rows", "dimensions", "asked", "maximum"), [(10, 30, 10, 9), (50, 12, 13, 12)])
def test_too_many_components_are_refused_with_the_maximum(rows: int, dimensions: int, asked: int, maximum: int) -> None:
    assert len(fit_in_parts(correlated(rows, dimensions), Components(count=maximum)).ratios) == maximum
    with pytest.raises(JobError, match=f"{asked} components .* at most {maximum} are possible with {rows} images of"):
        fit_in_parts(correlated(rows, dimensions), Components(count=asked))


@pytest.mark.parametrize("requested", [Components(count=1), Components(variance=0.9)], ids=str)
@pytest.mark.parametrize("rows", [2, 10, 60, 64, 5000])
@pytest.mark.parametrize("noise", [0, 1e-16, 1e-7])
def test_rows_that_are_equal_but_for_rounding_are_refused(rows: int, noise: float, requested: Components) -> None:
    random = np.random.default_rng(4)
    row, dtype = random.uniform(0, 6, 40), np.float32 if noise == 1e-7 else np.float64
    table = (row * (1 + noise * random.normal(size=(rows, 40)))).astype(dtype)

    for stored in (table, table.astype(np.float64)):  # Spark's vectors store float32 numbers as float64
        with pytest.raises(JobError, match=f"the features of all {rows} images are equal: there is no variance"):
            fit_in_parts(stored, requested, parts=min(rows, 7))


def test_a_change_of_one_row_is_variance() -> None:
    rows = np.full((5000, 4), 1.0, np.float32)
    rows[1234, 2] += 8e-6

    assert fit_in_parts(rows, Components(count=1)).ratios.tolist() == [1.0]


def test_a_networks_small_numbers_have_the_rounding_of_its_large_ones() -> None:
    rows = np.array([[5.0, 1e-6], [5.0, 2e-6], [5.0, 3e-6]], np.float32)
    moments = Moments.zero(choose_pilot(rows))
    moments.add_rows(rows)

    check_differences(moments, find_rounding(rows), one_scale=False)
    with pytest.raises(JobError, match="are equal"):
        check_differences(moments, find_rounding(rows), one_scale=True)


@pytest.mark.parametrize(
    ("sample", "rounding"),
    [
        (np.array([[0.5, 7]], np.float32), 16 * 2**-23),
        (np.array([[0.5, 7]], np.float64), 16 * 2**-23),
        (np.array([[0.1, 7]], np.float64), 8 * 2**-52),
        (np.array([[1e50, 0.5]], np.float64), 8 * 2**-52),
        (np.array([[0.1, 7]], np.float16), 2 * 2**-10),
        (np.array([[3, 7]], np.uint8), 0),
        (np.array([[3, 7e9]], np.float64), 0),
    ],
)
def test_the_rounding_of_a_type(sample: npt.NDArray[Any], rounding: float) -> None:
    assert find_rounding(sample) == rounding


def test_differences_whose_squares_vanish_are_refused_and_small_columns_are_not() -> None:
    tiny = np.random.default_rng(2).normal(size=(50, 4)) * 1e-310
    with pytest.raises(JobError, match=r"differ by at most .*e-310.*multiply the features by a power of ten"):
        fit_in_parts(tiny, Components(count=2))

    rows = np.random.default_rng(2).normal(size=(50, 4))
    rows[:, 1] = tiny[:, 1]
    assert_equals_svd(rows, Components(count=3), parts=3)


@pytest.mark.parametrize("magnitude", [1e-100, 1e100])
def test_numbers_of_any_magnitude_up_to_the_limit(magnitude: float) -> None:
    assert_equals_svd(np.random.default_rng(2).uniform(-1, 1, (50, 4)) * magnitude, Components(count=4), parts=3)


@st.composite
def tables(draw: st.DrawFn) -> npt.NDArray[np.float64]:
    """Draw rows as people have them: far from zero, constant or duplicate columns, duplicate rows, outliers."""
    rows, dimensions = draw(st.integers(2, 5000)), draw(st.integers(1, 24))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    mean = draw(st.sampled_from([0, 1, 1e3, 1e6, 1e9]))
    deviation = 10.0 ** draw(st.integers(-6, 6))
    spread = 10.0 ** random.uniform(-draw(st.integers(0, 2)), 0, dimensions)
    table = random.normal(size=(rows, dimensions)) * deviation * spread + mean * random.choice([-1, 0, 1], dimensions)
    if draw(st.booleans()):
        table[:, 0] = mean
    if draw(st.booleans()):
        table[:, -1] = table[:, 0]
    if draw(st.booleans()):
        table[rows // 2 :] = table[: rows - rows // 2]
    if draw(st.booleans()):
        table[draw(st.integers(0, rows - 1))] = 1e8
    return table


def assert_equals_svd(rows: npt.NDArray[Any], requested: Components, parts: int) -> Fit:
    """Compare with a singular value decomposition of the same numbers, which are centered without rounding errors.

    Its own results have errors of a few eps of the largest singular value.
    """
    shifted = (rows - choose_pilot(rows[:64])).astype(np.longdouble)
    expected = np.linalg.svd((shifted - shifted.mean(axis=0)).astype(np.float64), compute_uv=False)
    found = fit_in_parts(rows, requested, parts)
    deviations = np.sqrt(found.variances * (len(rows) - 1))
    error = np.abs(deviations - expected[: len(deviations)])
    # Half of 1e-9, because explained variances are the squares.
    bound = 0.5e-9 * expected[: len(deviations)] + 50 * np.finfo(np.float64).eps * expected[0]
    assert (error <= bound).all(), (error / expected[0], deviations / expected[0])
    np.testing.assert_allclose(found.ratios, found.variances / (expected**2).sum() * (len(rows) - 1), rtol=1e-9)
    np.testing.assert_allclose(found.components.T @ found.components, np.eye(len(deviations)), atol=1e-12)
    return found


@settings(max_examples=150 if os.environ.get("ORCHARD_DEEP") else 40)
@given(tables(), st.sampled_from([0.5, 0.9, 0.999, 1.0]), st.integers(2, 64))
def test_equals_svd_whatever_the_mean(rows: npt.NDArray[np.float64], variance: float, parts: int) -> None:
    differences = rows.max(axis=0) - rows.min(axis=0)
    if (differences <= find_rounding(rows[:64]) * np.abs(rows).max(axis=0)).all():
        with pytest.raises(JobError, match="are equal"):
            fit_in_parts(rows, Components(variance=variance), min(parts, len(rows)))
        return

    found = assert_equals_svd(rows, Components(variance=variance), min(parts, len(rows)))

    assert found.ratios.sum() >= variance - 1e-11
    assert len(found.ratios) == 1 or found.ratios[:-1].sum() < variance


@settings(max_examples=150 if os.environ.get("ORCHARD_DEEP") else 40)
@given(tables(), st.integers(2, 64))
def test_the_rank_is_the_number_of_components_that_are_possible(rows: npt.NDArray[np.float64], parts: int) -> None:
    rows = np.round(rows, 3) + 0.25  # so that no drawn table has only rounding errors along a direction
    shifted = rows - rows[0]
    rank = int(np.linalg.matrix_rank(shifted)) if shifted.any() else 0
    most = min(len(rows) - 1, rows.shape[1])
    if rank < most:
        with pytest.raises(JobError, match=f"at most {rank} are possible|are equal"):
            fit_in_parts(rows, Components(count=rank + 1), min(parts, len(rows)))
    if rank:
        assert_equals_svd(rows, Components(count=rank), min(parts, len(rows)))


@pytest.mark.parametrize(
    ("deviations", "count", "calls"),
    [
        ((1, 1), 1, 0),
        ((1, 1), 2, 0),
        ((1, 1e-6), 1, 0),
        ((1, 1e-6), 2, 1),
        ((1, 1e-6, 1e-6), 2, 1),
        ((1e6, 1), 2, 1),
    ],
)
def test_rows_are_factorized_only_for_components_that_rounding_reaches(
    deviations: tuple[float, ...], count: int, calls: int
) -> None:
    rows = np.random.default_rng(5).normal(size=(100, len(deviations))) * deviations
    pilot = choose_pilot(rows)
    moments, factor = Moments.zero(pilot), Factor.zero(pilot)
    moments.add_rows(rows)
    factor.add_rows(rows)
    factorize = Mock(return_value=factor)

    fit(moments, Components(count=count), factorize)

    assert factorize.call_count == calls


def test_a_direction_without_variance_has_no_share_of_it() -> None:
    rows = np.random.default_rng(5).normal(size=(100, 3)) * [1, 1e-6, 0]

    assert fit_in_parts(rows, Components(count=2)).ratios.sum() == pytest.approx(1, abs=1e-12)


def test_one_row_is_refused() -> None:
    with pytest.raises(JobError, match="at least 2 images"):
        fit_in_parts(np.ones((1, 4), np.float32), Components(count=1), parts=1)
