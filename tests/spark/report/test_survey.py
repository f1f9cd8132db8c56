from collections import Counter
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from orchard.io.vectors import Column, find_features
from orchard.report import survey as module
from orchard.report.survey import survey
from orchard.selection import digest, select_evenly
from pyspark.sql import SparkSession


def test_a_survey_selects_evenly_and_finds_the_outliers_of_all_images(spark: SparkSession, tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(90, 12)) + 1000
    rows[[4, 70]] += [[50], [80]]
    paths = [f"/images/{n}.jpg" for n in range(90)]
    labels = ["rare" if n % 30 == 0 else f"label {n % 2}" for n in range(90)]
    for number, part in enumerate(np.array_split(np.arange(90), 3)):
        named = {"path": [paths[n] for n in part], "label": [labels[n] for n in part]}
        pq.write_table(pa.table({**named, "pca_features": list(rows[part])}), tmp_path / f"{number}.parquet")
    center = rows.mean(axis=0)

    with patch.object(module, "MAX_IMAGES", 20), patch.object(module, "MAX_SAMPLE", 7):
        features = find_features(str(tmp_path), Column("pca_features"))
        found = survey(spark.sparkContext, features, center, Counter(labels))

    digests = [digest(path) for path in paths]
    for images, limit, columns in ((found.images, 20, 10), (found.sample, 7, 12)):
        expected = sorted(select_evenly(labels, digests, limit), key=paths.__getitem__)
        assert images.paths == [paths[n] for n in expected]
        assert images.labels == [labels[n] for n in expected]
        np.testing.assert_allclose(images.values, (rows - center)[expected, :columns], atol=1e-4)
    distances = np.linalg.norm(rows - center, axis=1)
    assert [outlier.path for outlier in found.outliers] == [paths[n] for n in np.argsort(-distances)[:10]]
    assert found.outliers[0] == (distances[70], paths[70], labels[70])
