import base64
import io
import json
from pathlib import Path
from typing import Any

import main
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.report import figures
from orchard.report.figures import MAX_PATH_BYTES, choose_labels, limit_paths
from orchard.report.stages import Stages
from orchard.report.survey import MAX_LABELS, Images
from PIL import Image
from pyspark.sql import SparkSession

from ..runs import encode, plant, write_plan
from .test_packing import unpack

COLOURS = {'Kiwi "wild"\n': (0, 200, 0), "تفاح 🍏": (200, 0, 0), "x" * 200: (0, 0, 200)}
IMAGES = 42
DIMENSIONS = 12


def write_run(run: Path, images: Path) -> Path:
    """Write the features of images in three colours, one cluster each; the file of the first image is missing."""
    random = np.random.default_rng(1)
    labels = [list(COLOURS)[number % 3] for number in range(IMAGES)]
    rows = random.normal(size=(IMAGES, DIMENSIONS))
    rows[np.arange(IMAGES), np.arange(IMAGES) % 3] += 50
    rows[9] = rows[6] + 1e-4
    paths = [
        str(plant(images, f"Training/{label}/{number}.png", encode(Image.new("RGB", (9, 9), COLOURS[label]), "PNG")))
        for number, label in enumerate(labels)
    ]
    Path(paths[0]).unlink()
    (run / "features" / "parquet").mkdir(parents=True)
    table = pa.table({"path": paths, "label": labels, "features": pa.array(list(rows), pa.list_(pa.float32()))})
    pq.write_table(table, run / "features" / "parquet" / "part.parquet", row_group_size=15)
    (run / "features" / "summary.json").write_text(json.dumps({"images": IMAGES, "errors": 0}))
    return write_plan(run, images, pca={"components": 11})


def reduce(spark: SparkSession, plan: Path) -> None:
    main.run(spark.sparkContext, main.parse(["reduction", "--plan", str(plan)]))


def test_figures_of_a_run(spark: SparkSession, tmp_path: Path) -> None:
    run = tmp_path / "run"
    plan = write_run(run, tmp_path / "images")
    features_stages = Stages("features")
    with features_stages.record("extract", 4, IMAGES):
        pass
    features_stages.write(str(run))

    reduce(spark, plan)

    found: dict[str, Any] = json.loads((run / "report" / "figures.json").read_text())
    assert found["labels"] == [{"label": label, "images": 14} for label in sorted(COLOURS)]

    reduced = pq.read_table(run / "pca" / "parquet").sort_by("path")
    images = found["images"]
    assert (images["total"], images["prefix"]) == (IMAGES, f"{tmp_path}/images/Training/")
    assert [images["prefix"] + name for name in images["paths"]] == reduced["path"].to_pylist()
    labels = [found["labels"][number]["label"] for number in unpack(images["labels"])]
    assert labels == reduced["label"].to_pylist()
    exact = np.array(reduced["pca_features"].to_pylist())
    assert len(found["components"]) == 10
    for number, packed in enumerate(found["components"]):
        coordinates = packed["minimum"] + unpack(packed["values"]) * packed["step"]
        np.testing.assert_allclose(coordinates, exact[:, number], atol=packed["step"])

    sample = found["sample"]
    assert (sample["images"], sample["components"]) == (list(range(IMAGES)), 11)
    distances = np.linalg.norm(exact[:, None] - exact[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(unpack(sample["neighbours"]), np.argsort(distances, axis=1)[:, :5])
    np.testing.assert_allclose(sample["distances"], np.sort(distances, axis=1)[:, :5], rtol=1e-3)
    assert sample["agreement"] == 1
    assert sample["silhouette"] > 0.5
    assert found["confusions"] == []
    # The etags of local files say nothing about their content.
    assert found["duplicates"]["exact"] is None
    [[one, other, distance]] = found["duplicates"]["near"]["examples"]
    assert {Path(one).name, Path(other).name} == {"6.png", "9.png"}
    assert distance < found["duplicates"]["bound"]
    away = np.linalg.norm(exact - exact.mean(axis=0), axis=1)
    assert [outlier["distance"] for outlier in found["outliers"]] == pytest.approx(np.sort(away)[::-1][:10].tolist())

    assert_thumbnails_show_their_labels(found["thumbnails"], labels, images["paths"])
    names = [(stage["step"], stage["name"], stage["images"]) for stage in found["stages"]]
    assert names == [
        ("features", "extract", IMAGES),
        *[("reduction", name, IMAGES) for name in ("sum", "transform", "select", "thumbnails")],
    ]


def assert_thumbnails_show_their_labels(thumbnails: Any, labels: list[str], paths: list[str]) -> None:
    assert len(thumbnails["images"]) == IMAGES - 1
    assert all(not paths[image].endswith("/0.png") for image in thumbnails["images"])
    sheet = Image.open(io.BytesIO(base64.b64decode(thumbnails["jpegBase64"])))
    size, columns = thumbnails["size"], thumbnails["columns"]
    for position, image in enumerate(thumbnails["images"]):
        row, column = divmod(position, columns)
        pixel = np.array(sheet.getpixel((column * size + size // 2, row * size + size // 2)))
        assert np.abs(pixel - COLOURS[labels[image]]).max() < 10


def test_figures_that_fail_leave_the_results_alone(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    plan = write_run(run, tmp_path / "images")

    def fail(*_: object) -> None:
        raise ValueError("no\nluck")

    monkeypatch.setattr(figures, "assemble", fail)
    reduce(spark, plan)

    assert not (run / "report" / "figures.json").exists()
    assert json.loads((run / "progress.json").read_text())["state"] == "SUCCEEDED"
    assert json.loads((run / "model_info" / "model_info.json").read_text())["num_images_processed"] == IMAGES
    assert capsys.readouterr().err == (
        f"orchard: warning: {run}/report/figures.json could not be written: ValueError: no luck\n"
    )


def test_a_reduction_without_a_run_has_no_figures(spark: SparkSession, tmp_path: Path) -> None:
    write_run(tmp_path / "run", tmp_path / "images")
    arguments = ["--features", f"{tmp_path}/run/features/parquet", "--output", f"{tmp_path}/out", "--components", "2"]

    main.run(spark.sparkContext, main.parse(["reduction", *arguments]))

    assert not (tmp_path / "out" / "report").exists()


def test_the_most_frequent_labels_are_chosen() -> None:
    counts: dict[str | None, int] = {f"{number:05d}": 1 + number % 2 for number in range(2 * MAX_LABELS)}

    chosen = choose_labels({**counts, None: 3})

    assert len(chosen) == MAX_LABELS
    assert list(chosen) == sorted(chosen)
    assert chosen[""] == 3
    assert set(list(chosen.values())[1:]) == {2}


def test_long_paths_leave_room_for_fewer_images() -> None:
    paths = [f"{number}{'é' * 450}" for number in range(20_000)]
    labels = [f"{number % 4}" for number in range(20_000)]

    limited = limit_paths(Images(paths, labels, np.zeros((20_000, 1), np.float32)))

    assert 5_000 < len(limited.paths) < 20_000
    assert sum(len(path.encode()) for path in limited.paths) == pytest.approx(MAX_PATH_BYTES, rel=0.01)
