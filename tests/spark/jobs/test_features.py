import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import main
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchard.errors import JobError
from orchard.jobs.features import MOST_REUSED_PER_TASK, count_reuse_tasks
from orchard.jobs.shares import MAX_IMAGES_PER_TASK, MAX_TASKS, MIN_IMAGES_PER_TASK, split_into_shares
from orchard.report.stages import read_stages
from PIL import Image
from pyspark.sql import SparkSession

from ..runs import ModelArtifact, encode, picture, plant, write_plan

ROTATED = Image.Exif()
ROTATED[0x0112] = 6  # orientation, which Keras and Pillow ignore as well
GOOD = {
    "Apple 1/colour.jpg": encode(picture(1)),
    "Apple 1/progressive.jpg": encode(picture(2), progressive=True),
    "Apple 1/grey.jpg": encode(picture(3).convert("L")),
    "Apple 1/cmyk.jpg": encode(picture(4).convert("CMYK")),
    "Apple 1/large.jpg": encode(picture(5, (640, 480))),
    "Apple 1/image.png": encode(picture(6), "PNG"),
    "Apple 1/one pixel.png": encode(picture(10).resize((1, 1)), "PNG"),
    "Apple 1/palette.png": encode(picture(11).convert("P"), "PNG"),
    "Apple 1/alpha.png": encode(picture(12).convert("RGBA"), "PNG"),
    "Apple 1/rotated.jpg": encode(picture(13, (80, 120)), exif=ROTATED.tobytes()),
    'Caf\u00e9, "wild"/a b%20c+d#e?f \u00e9\U0001f34f.jpg': encode(picture(7)),
}
TOO_MANY = "too many pixels: more than 80,000,000"
BAD = {
    "Apple 1/empty.jpg": (b"", "empty file"),
    "Apple 1/truncated.jpg": (encode(picture(8))[:900], "truncated image"),
    "Apple 1/text.jpg": (b"no image", "text, not an image"),
    "Apple 1/garbage after the header.jpg": (encode(picture(8))[:300] + bytes(range(256)) * 8, "damaged image"),
    "Apple 1/huge.jpg": (encode(Image.new("L", (10_000, 10_000))), TOO_MANY),
    "Apple 1/bomb.png": (encode(Image.new("1", (20_000, 10_000)), "PNG"), TOO_MANY),
}


@pytest.fixture(scope="module")
def run(spark: SparkSession, model_artifact: ModelArtifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run inventory and features on GOOD, BAD, and one image that is deleted between the two steps."""
    folder = tmp_path_factory.mktemp("features")
    for name, content in GOOD.items():
        plant(folder / "raw", f"Training/{name}", content)
    for name, (content, _) in BAD.items():
        plant(folder / "raw", f"Training/{name}", content)
    deleted = plant(folder / "raw", "Training/Apple 1/gone.jpg", encode(picture(9)))
    plan = str(write_plan(folder / "run", folder / "raw", model_artifact))
    main.run(spark.sparkContext, main.parse(["inventory", "--plan", plan]))
    deleted.unlink()
    main.run(spark.sparkContext, main.parse(["features", "--plan", plan]))
    return folder / "run"


def csv_rows(folder: Path) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    found = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            found += list(csv.DictReader(lines))
    return found


def table(run: Path) -> pa.Table:
    return pq.read_table(run / "features" / "parquet").sort_by("path")


def matrix(run: Path) -> Any:
    return np.array(table(run).column("features").to_pylist(), dtype=np.float32)


def test_each_step_leaves_its_stages_for_the_report(run: Path) -> None:
    images = len(GOOD) + len(BAD) + 1

    stages = [stage for step in ("inventory", "features") for stage in read_stages(str(run), step)]

    assert [(stage["step"], stage["name"], stage["images"]) for stage in stages] == [
        ("inventory", "list", images),
        ("features", "extract", images),
    ]


def test_features_equal_keras(run: Path, model_artifact: ModelArtifact) -> None:
    import keras_models
    import make_model

    origin = model_artifact.info["weights"]
    if origin == "file":
        pytest.skip("the model has the weights of a file, which is not known here")
    request = make_model.Request()
    pretrained = make_model.load_pretrained_weights(request) if origin == "imagenet" else None
    keras = keras_models.build(weights=pretrained.weights if pretrained else None)
    found = table(run)
    assert found.column_names == ["path", "label", "features"]
    assert found.column("features").type.value_type == pa.float32()
    assert {*found.column("path").to_pylist()} == {str(run.parent / "raw" / "Training" / name) for name in GOOD}

    images = [Image.open(str(path)).convert("RGB").resize((224, 224)) for path in found.column("path").to_pylist()]
    pixels = np.stack([np.asarray(image, dtype=np.float32) for image in images]) / 127.5 - 1
    expected = np.concatenate([keras.predict_on_batch(image[np.newaxis]) for image in pixels])
    assert np.abs(matrix(run) - expected).max() <= 1e-4
    # Different images have different features.
    assert np.abs(expected[0] - expected[1]).max() > 0.01


def test_csv_equals_parquet_to_the_last_bit(run: Path) -> None:
    found = {row["path"]: row for row in csv_rows(run / "features" / "csv")}

    assert set(next(iter(found.values()))) == {"path", "label", "features_string"}
    expected = table(run)
    for path, label, features in zip(
        *(expected.column(name).to_pylist() for name in expected.column_names), strict=True
    ):
        assert found[path]["label"] == label
        numbers = np.array(found[path]["features_string"].split(","), dtype=np.float32)
        assert numbers.tobytes() == np.array(features, dtype=np.float32).tobytes()
    assert len(found) == expected.num_rows


def test_bad_images_are_rows_with_a_reason(run: Path) -> None:
    found = {Path(row["path"]).name: row["reason"] for row in csv_rows(run / "errors")}

    expected = {Path(name).name: reason for name, (_, reason) in BAD.items()}
    assert found == {**expected, "gone.jpg": "file not found"}
    assert {row["label"] for row in csv_rows(run / "errors")} == {"Apple 1"}


def test_metadata_lists_the_images_with_features(run: Path) -> None:
    found = csv_rows(run / "metadata")

    assert sorted((row["path"], row["label"]) for row in found) == sorted(
        zip(table(run).column("path").to_pylist(), table(run).column("label").to_pylist(), strict=True)
    )


def test_summary_and_progress(run: Path) -> None:
    summary = json.loads((run / "features" / "summary.json").read_text())
    progress = json.loads((run / "progress.json").read_text())

    assert (summary["images"], summary["errors"], summary["dimensions"]) == (len(GOOD), len(BAD) + 1, 1280)
    assert summary["reasons"] == Counter([*(reason for _, reason in BAD.values()), "file not found"])
    assert sorted(summary["examples"][TOO_MANY]) == ["Training/Apple 1/bomb.png", "Training/Apple 1/huge.jpg"]
    assert {check["name"]: check["ok"] for check in summary["checks"]} == {
        "row_count": True,
        "dimensions": True,
        "finite": True,
        "unique_paths": True,
    }
    everything = len(GOOD) + len(BAD) + 1
    assert (progress["step"], progress["state"]) == ("features", "SUCCEEDED")
    assert (progress["done"], progress["total"], progress["errors"]) == (everything, everything, len(BAD) + 1)


def test_a_run_without_errors_has_an_errors_file_with_a_header(
    spark: SparkSession, small_model: ModelArtifact, tmp_path: Path
) -> None:
    plant(tmp_path / "raw", "Training/Apple/1.jpg", encode(picture(1)))
    plan = write_plan(tmp_path / "run", tmp_path / "raw", small_model, formats=["parquet"])

    for step in ("inventory", "features"):
        main.run(spark.sparkContext, main.parse([step, "--plan", str(plan)]))

    texts = [path.read_text() for path in (tmp_path / "run" / "errors").glob("*.csv")]
    assert texts == ["path,label,reason\n"]
    assert not (tmp_path / "run" / "features" / "csv").exists()


def test_a_run_without_a_usable_image_says_why(spark: SparkSession, small_model: ModelArtifact, tmp_path: Path) -> None:
    for number, content in enumerate([b"", b"", b"no image"]):
        plant(tmp_path / "raw", f"Training/Apple/{number}.jpg", content)
    plan = str(write_plan(tmp_path / "run", tmp_path / "raw", small_model))
    main.run(spark.sparkContext, main.parse(["inventory", "--plan", plan]))

    reasons = (
        r"empty file \(2\), such as Training/Apple/0\.jpg, Training/Apple/1\.jpg; "
        r"text, not an image \(1\), such as Training/Apple/2\.jpg"
    )
    with pytest.raises(JobError, match=rf"^none of the 3 images can be used: {reasons}$"):
        main.run(spark.sparkContext, main.parse(["features", "--plan", plan]))


def test_a_model_that_differs_from_the_plan_is_refused(
    spark: SparkSession, small_model: ModelArtifact, tmp_path: Path
) -> None:
    other = tmp_path / "model.tflite"
    other.write_bytes(small_model.path.read_bytes() + b"\0")
    plan = write_plan(tmp_path / "run", tmp_path, ModelArtifact(other, small_model.info))

    with pytest.raises(JobError, match=r"has sha256 .* but the plan says"):
        main.run(spark.sparkContext, main.parse(["features", "--plan", str(plan)]))
    other.unlink()
    with pytest.raises(JobError, match=r"model\.tflite does not exist"):
        main.run(spark.sparkContext, main.parse(["features", "--plan", str(plan)]))


@given(st.integers(0, 200_000), st.integers(1, 200))
def test_shares_cover_all_images_and_end_small(images: int, cores: int) -> None:
    shares = split_into_shares(images, cores)

    assert sum(shares) == images
    assert shares == sorted(shares, reverse=True)
    assert all(share >= MIN_IMAGES_PER_TASK for share in shares[:-1])
    # The last share on each core is small, so that all cores finish at about the same time.
    assert all(share <= MAX_IMAGES_PER_TASK for share in shares[-cores:])


def test_a_very_large_run_has_a_bounded_number_of_tasks() -> None:
    assert len(split_into_shares(50_000_000, 100)) < 3 * MAX_TASKS


@pytest.mark.parametrize(("images", "cores", "tasks"), [(1, 8, 1), (5_000, 8, 5), (1_000_000, 8, 16), (10**7, 2, 50)])
def test_tasks_of_stored_images_suit_the_cores_and_the_memory_of_a_worker(images: int, cores: int, tasks: int) -> None:
    assert count_reuse_tasks(images, cores) == tasks
    assert images <= tasks * MOST_REUSED_PER_TASK
