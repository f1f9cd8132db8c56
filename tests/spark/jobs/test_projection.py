import json
from pathlib import Path
from typing import Any

import main
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from pyspark.sql import SparkSession

from .test_reduction import GOLDEN, vectors, write_features


def reduce(spark: SparkSession, features: Path, output: Path, *options: str) -> Path:
    main.run(
        spark.sparkContext, main.parse(["reduction", "--features", str(features), "--output", str(output), *options])
    )
    return output


def project(spark: SparkSession, model: Path, features: Path, output: Path) -> Path:
    main.run(
        spark.sparkContext,
        main.parse(["projection", "--model", str(model), "--features", str(features), "--output", str(output)]),
    )
    return output


def reduced(output: Path) -> pa.Table:
    return pq.read_table(output / "pca" / "parquet").sort_by("path")


def test_projecting_the_same_features_gives_the_same_numbers(spark: SparkSession, tmp_path: Path) -> None:
    write_features(tmp_path / "features", vectors())
    fit = reduce(spark, tmp_path / "features", tmp_path / "fit", "--variance", "0.9")

    output = project(spark, fit, tmp_path / "features", tmp_path / "output")

    assert reduced(output).equals(reduced(fit))
    texts = [sorted(path.read_text() for path in (folder / "pca" / "csv").glob("*.csv")) for folder in (output, fit)]
    assert texts[0] == texts[1]
    document = json.loads((output / "projection.json").read_text())
    assert (document["images"], document["pca"]["run"]) == (60, str(fit))
    assert all(check["ok"] for check in document["checks"])


def test_other_features_are_multiplied_with_the_components(spark: SparkSession, tmp_path: Path) -> None:
    write_features(tmp_path / "features", vectors())
    fit = reduce(spark, tmp_path / "features", tmp_path / "fit", "--components", "4")
    others = vectors(75)[60:]
    write_features(tmp_path / "others", others, files=2)

    # The model may also be the folder model_info itself.
    output = project(spark, fit / "model_info", tmp_path / "others", tmp_path / "output")

    with np.load(fit / "model_info" / "pca.npz") as arrays:
        expected = others.astype(np.float64) @ arrays["components"]
    found: dict[str, Any] = dict(zip(*(reduced(output).column(name).to_pylist() for name in (0, 2)), strict=True))
    rows = [found[f"/b/Training/Apple/{row}.jpg"] for row in range(len(others))]
    np.testing.assert_allclose(rows, expected, atol=1e-12)


def test_a_missing_damaged_or_unsuitable_pca_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    write_features(tmp_path / "features", vectors())
    write_features(tmp_path / "narrow", vectors()[:, :19])
    fit = reduce(spark, tmp_path / "features", tmp_path / "fit", "--components", "4")

    with pytest.raises(JobError, match=r"has 19 features an image, but the PCA .* was fitted on 20"):
        project(spark, fit, tmp_path / "narrow", tmp_path / "output")
    with pytest.raises(JobError, match="has no fitted PCA"):
        project(spark, tmp_path / "features", tmp_path / "features", tmp_path / "output")
    (fit / "model_info" / "pca.npz").write_bytes(b"PK")
    with pytest.raises(JobError, match="is damaged"):
        project(spark, fit, tmp_path / "features", tmp_path / "output")


@pytest.mark.skipif(not GOLDEN.exists(), reason="no shared/golden")
def test_the_golden_features(spark: SparkSession, tmp_path: Path) -> None:
    fit = reduce(spark, GOLDEN.parent, tmp_path / "fit", "--components", "50")

    output = project(spark, fit, GOLDEN.parent, tmp_path / "output")

    assert reduced(output).equals(reduced(fit))
    with np.load(fit / "model_info" / "pca.npz") as arrays:
        assert arrays["explained_variance_ratio"].sum() == pytest.approx(0.9292699028497264, abs=1e-9)
