from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.pca import Fit, Moments, fit
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


def fit_in_parts(rows: Rows, requested: Components, parts: int = 3) -> Fit:
    moments = Moments.zero(rows.shape[1])
    for block in np.array_split(rows, parts):
        part = Moments.zero(rows.shape[1])
        part.add_rows(block)
        total, triangle = part.to_bytes()
        moments.add(Moments.from_bytes(part.count, total, triangle))
    return fit(moments, requested)


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


@pytest.mark.parametrize(("rows", "dimensions", "asked", "maximum"), [(10, 30, 10, 9), (50, 12, 13, 12)])
def test_too_many_components_are_refused_with_the_maximum(rows: int, dimensions: int, asked: int, maximum: int) -> None:
    assert len(fit_in_parts(correlated(rows, dimensions), Components(count=maximum)).ratios) == maximum
    with pytest.raises(JobError, match=f"{asked} components are asked for, but at most {maximum} are possible"):
        fit_in_parts(correlated(rows, dimensions), Components(count=asked))


def test_equal_rows_are_refused() -> None:
    with pytest.raises(JobError, match="no variance to explain"):
        fit_in_parts(np.ones((10, 4), np.float32), Components(count=2))


def test_one_row_is_refused() -> None:
    with pytest.raises(JobError, match="at least 2 images"):
        fit_in_parts(np.ones((1, 4), np.float32), Components(count=1), parts=1)
