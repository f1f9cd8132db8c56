import csv
import json
import re
from pathlib import Path
from typing import Any

import main
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard import tree_sum
from orchard.errors import JobError
from orchard.jobs import reduction
from orchard.jobs.reduction import from_plan
from orchard.plan import read_plan
from pyspark.sql import SparkSession

from ..runs import write_plan

GOLDEN = Path(__file__).parents[3].parent / "shared" / "golden" / "mini-features.parquet"
DIMENSIONS = 20


def write_features(folder: Path, rows: Any, files: int = 3, kind: pa.DataType | None = None) -> None:
    """Write Parquet files like the features job's, and a marker file like Spark's."""
    folder.mkdir(parents=True)
    (folder / "_SUCCESS").touch()
    for number, part in enumerate(np.array_split(np.arange(len(rows)), files)):
        table = pa.table(
            {
                "path": pa.array([f"/b/Training/Apple/{row}.jpg" for row in part]),
                "label": pa.array([f"Apple {row % 4}" for row in part]),
                "features": pa.array([rows[row] for row in part], pa.list_(kind or pa.float32())),
            }
        )
        pq.write_table(table, folder / f"part {number}.parquet", row_group_size=7)


def vectors(rows: int = 60) -> Any:
    random = np.random.default_rng(3)
    return (random.normal(size=(rows, DIMENSIONS)) * np.geomspace(9, 0.1, DIMENSIONS) + 2).astype(np.float32)


def planned(
    spark: SparkSession,
    run: Path,
    rows: Any,
    summary: dict[str, int] | None = None,
    kind: pa.DataType | None = None,
    **plan: Any,
) -> Path:
    write_features(run / "features" / "parquet", rows, kind=kind)
    found = summary or {"images": len(rows), "errors": 2}
    (run / "features" / "summary.json").write_text(json.dumps(found))
    model = {"key": "artifacts/x", "sha256": "ab", "weights": "seeded", "inputSize": 224, "dimensions": DIMENSIONS}
    path = write_plan(run, run, model=model, **plan)
    main.run(spark.sparkContext, main.parse(["reduction", "--plan", str(path)]))
    return run


def info(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "model_info" / "model_info.json").read_text())
    return document


def test_outputs_of_a_run(spark: SparkSession, tmp_path: Path) -> None:
    rows = vectors()

    run = planned(spark, tmp_path / "run", rows, pca={"components": 5})

    reduced = pq.read_table(run / "pca" / "parquet").sort_by("path")
    assert reduced.column_names == ["path", "label", "pca_features"]
    paths = [f"/b/Training/Apple/{row}.jpg" for row in range(60)]
    assert reduced.column("path").to_pylist() == sorted(paths)

    # Compare up to sign with an independent computation, which does not center either.
    exact = rows.astype(np.float64)
    values, directions = np.linalg.eigh(np.cov(exact.T))
    order = np.argsort([f"/b/Training/Apple/{row}.jpg" for row in range(60)])
    expected = (exact @ directions[:, ::-1][:, :5])[order]
    found = np.array(reduced.column("pca_features").to_pylist())
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)

    document = info(run)
    ratios = (values[::-1] / values.sum())[:5]
    np.testing.assert_allclose(document["variance_by_component"], ratios, atol=1e-12)
    np.testing.assert_allclose(document["cumulative_variance"], np.cumsum(ratios), atol=1e-12)
    assert document["total_variance_explained"] == pytest.approx(ratios.sum(), abs=1e-12)
    assert (document["pca_components"], document["reduced_dimensions"]) == (5, 5)
    assert (document["original_dimensions"], document["num_images_processed"]) == (DIMENSIONS, 60)
    assert (document["labels"], document["errors"]) == (4, 2)
    assert document["model"] == {"name": "MobileNetV2", "weights": "seeded", "sha256": "ab"}
    assert [(check["name"], check["ok"]) for check in document["checks"]] == [
        ("row_count", True),
        ("dimensions", True),
        ("finite", True),
        ("unique_paths", True),
        ("variance", True),
    ]

    with (run / "model_info" / "variance.csv").open(newline="") as lines:
        table = list(csv.DictReader(lines))
    assert [row["component"] for row in table] == ["1", "2", "3", "4", "5"]
    assert [float(row["variance_explained"]) for row in table] == document["variance_by_component"]
    assert [float(row["cumulative_variance"]) for row in table] == document["cumulative_variance"]


@pytest.mark.parametrize("variance", [0.5, 1.0])
def test_the_number_of_cores_changes_no_bit(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variance: float
) -> None:
    monkeypatch.setattr(tree_sum, "MIN_ROWS_PER_LEAF", 64)
    rows = vectors(900)
    if variance == 1:
        rows[:, -1] = rows[:, 0]  # so that all components need the factorization
    found = {}
    for cores in (1, 3, 7):
        monkeypatch.setattr(reduction, "cores", lambda _context, cores=cores: cores)
        run = planned(spark, tmp_path / str(cores), rows, pca={"variance": variance})
        with np.load(run / "model_info" / "pca.npz") as fitted:
            components = {name: fitted[name].tobytes() for name in fitted.files}
        reduced = pq.read_table(run / "pca" / "parquet").sort_by("path").column("pca_features")
        found[cores] = (components, np.array(reduced.to_pylist()).tobytes())

    assert found[3] == found[1]
    assert found[7] == found[1]


def test_csv_equals_parquet_to_the_last_bit(spark: SparkSession, tmp_path: Path) -> None:
    run = planned(spark, tmp_path / "run", vectors(), pca={"variance": 0.9})

    found = {}
    for path in (run / "pca" / "csv").glob("*.csv"):
        with path.open(newline="") as lines:
            found.update({row["path"]: row["pca_features_string"] for row in csv.DictReader(lines)})
    expected = pq.read_table(run / "pca" / "parquet")
    rows = dict(zip(expected.column("path").to_pylist(), expected.column("pca_features").to_pylist(), strict=True))
    assert {path: [float(number) for number in text.split(",")] for path, text in found.items()} == rows


def test_failed_checks_are_reported_and_do_not_stop_the_job(spark: SparkSession, tmp_path: Path) -> None:
    run = planned(
        spark,
        tmp_path / "run",
        vectors(),
        summary={"images": 61, "errors": 0},
        pca={"components": 1},
        quality={"maxErrorRate": 0.01, "minVariance": 0.999},
    )

    failed = {check["name"]: check["detail"] for check in info(run)["checks"] if not check["ok"]}
    assert set(failed) == {"row_count", "variance"}
    assert failed["row_count"] == "60 rows; 61 expected"


def test_too_many_components_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="21 components were requested, but at most 20 are possible with 60 images"):
        planned(spark, tmp_path / "run", vectors(), pca={"components": 21})

    progress = json.loads((tmp_path / "run" / "progress.json").read_text())
    assert (progress["step"], progress["state"]) == ("reduction", "FAILED")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: rows[40].__setitem__(3, np.nan), "/40.jpg have nan at index 3; numbers must be finite"),
        (lambda rows: rows[40].__setitem__(3, -np.inf), "/40.jpg have -inf at index 3; numbers must be finite"),
        (lambda rows: rows[40].__setitem__(3, 1e200), "/40.jpg have 1e+200 at index 3; numbers must be finite"),
        (lambda rows: rows.__setitem__(50, rows[50][:-1]), "/50.jpg are 19 numbers; 20 are needed"),
        (lambda rows: rows.__setitem__(51, None), "/51.jpg are missing"),
    ],
)
def test_damaged_features_are_refused_with_the_path_of_file_and_image(
    spark: SparkSession, tmp_path: Path, damage: Any, message: str
) -> None:
    from orchard.errors import find_root_cause

    rows = vectors().tolist()
    damage(rows)
    with pytest.raises(Exception) as caught:
        planned(spark, tmp_path / "run", rows, kind=pa.float64())

    found = find_root_cause(caught.value)
    assert re.search(r"/part 2\.parquet cannot be used: the features of /b/Training/Apple" + re.escape(message), found)


def test_a_reduction_without_a_run(spark: SparkSession, tmp_path: Path) -> None:
    write_features(tmp_path / "any folder", vectors())
    arguments = ["reduction", "--features", f"{tmp_path}/any folder/", "--output", f"{tmp_path}/out"]

    main.run(spark.sparkContext, main.parse([*arguments, "--variance", "0.5"]))

    document = info(tmp_path / "out")
    assert document["total_variance_explained"] >= 0.5
    assert document["model"] is None


def test_a_folder_without_features_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["a"]}), tmp_path / "one.parquet")
    (tmp_path / "empty").mkdir()
    write_features(tmp_path / "no rows", vectors(0), files=1)

    cases = [("empty", "has no Parquet files"), ("no rows", "has no rows in its 1 Parquet file")]
    for folder, message in [*cases, ("one.parquet", r"one\.parquet has no column label; needed are path, label and")]:
        arguments = ["reduction", "--features", f"{tmp_path}/{folder}", "--output", f"{tmp_path}/out"]
        with pytest.raises(JobError, match=message):
            main.run(spark.sparkContext, main.parse([*arguments, "--components", "2"]))


@pytest.mark.skipif(not GOLDEN.exists(), reason="no shared/golden")
def test_the_golden_features(spark: SparkSession, tmp_path: Path) -> None:
    arguments = ["reduction", "--features", str(GOLDEN.parent), "--output", str(tmp_path), "--components", "50"]

    main.run(spark.sparkContext, main.parse(arguments))

    document = info(tmp_path)
    assert document["total_variance_explained"] == pytest.approx(0.9292699028497264, abs=1e-9)
    assert all(check["ok"] for check in document["checks"])
    assert document["num_images_processed"] == 300


def test_a_plan_can_reduce_an_earlier_runs_features(spark: SparkSession, tmp_path: Path) -> None:
    rows = vectors()
    earlier = planned(spark, tmp_path / "earlier", rows, pca={"components": 5})

    plan = write_plan(tmp_path / "run", tmp_path, features=f"{earlier}/features/parquet", pca={"components": 3})
    main.run(spark.sparkContext, main.parse(["reduction", "--plan", str(plan)]))

    found = info(tmp_path / "run")
    assert found["variance_by_component"] == pytest.approx(info(earlier)["variance_by_component"][:3], abs=1e-12)
    assert (found["num_images_processed"], found["errors"]) == (60, 2)
    assert {check["ok"] for check in found["checks"]} == {True}


@pytest.mark.parametrize("earlier", [None, "run-0"])
def test_the_etags_of_images_on_s3_are_those_of_the_run_that_selected_them(tmp_path: Path, earlier: str | None) -> None:
    folder = tmp_path / (earlier or "run-1")
    (folder / "features").mkdir(parents=True)
    (folder / "features" / "summary.json").write_text(json.dumps({"images": 60, "errors": 0}))
    features = None if earlier is None else f"{folder}/features/parquet"
    plan = read_plan(str(write_plan(tmp_path / "run-1", tmp_path, features=features, input="s3://bucket/data/raw/")))

    sources = from_plan(plan).sources

    assert sources is not None
    assert sources.selection == f"{folder}/inventory/selection"


def fitted_files(output: Path) -> dict[str, bytes]:
    return {name: (output / "model_info" / name).read_bytes() for name in ("pca.npz", "pca.json")}


def test_the_fit_is_saved(spark: SparkSession, tmp_path: Path) -> None:
    rows = vectors()
    run = planned(spark, tmp_path / "run", rows, pca={"components": 5})
    first = fitted_files(run)

    main.run(spark.sparkContext, main.parse(["reduction", "--plan", str(run / "plan.json")]))

    assert fitted_files(run) == first  # equal plans give identical files
    with np.load(run / "model_info" / "pca.npz", allow_pickle=False) as arrays:
        found = dict(arrays)
    exact = rows.astype(np.float64)
    np.testing.assert_allclose(found["mean"], exact.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        found["explained_variance"], np.linalg.eigvalsh(np.cov(exact.T))[::-1][:5], atol=1e-10, rtol=0
    )
    assert found["explained_variance_ratio"].tolist() == info(run)["variance_by_component"]
    assert found["components"].shape == (DIMENSIONS, 5)
    assert json.loads(first["pca.json"]) == {
        "features": f"{run}/features/parquet",
        "run": str(run),
        "images": 60,
        "dimensions": DIMENSIONS,
        "components": 5,
        "model": {"name": "MobileNetV2", "weights": "seeded", "sha256": "ab"},
    }


def test_more_components_than_the_rank_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    # 60 images, but only 8 different ones
    rows = np.tile(vectors(8), (8, 1))[:60]

    with pytest.raises(JobError, match=r"8 components were requested, but at most 7 are possible: .* have rank 7"):
        planned(spark, tmp_path / "run", rows, pca={"components": 8})

    assert info(planned(spark, tmp_path / "other", rows, pca={"components": 7}))["pca_components"] == 7


def reduce_alone(spark: SparkSession, features: Path, output: Path, *options: str) -> dict[str, Any]:
    arguments = ["reduction", "--features", str(features), "--output", str(output)]
    main.run(spark.sparkContext, main.parse([*arguments, *options]))
    return info(output)


def test_features_far_from_zero_keep_their_digits(spark: SparkSession, tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(60, 16)) * 1e-3 + 1e6
    write_features(tmp_path / "features", rows, kind=pa.float64())

    found = reduce_alone(spark, tmp_path / "features", tmp_path / "out", "--variance", "0.9")

    singular = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    shares = singular**2 / (singular**2).sum()
    assert found["pca_components"] == int((np.cumsum(shares) < 0.9).sum()) + 1
    np.testing.assert_allclose(found["variance_by_component"], shares[: found["pca_components"]], rtol=1e-9)


@pytest.mark.parametrize("requested", [{"components": 1}, {"variance": 0.9}], ids=str)
def test_equal_features_are_refused(spark: SparkSession, tmp_path: Path, requested: dict[str, float]) -> None:
    # Sums over 64 equal rows are exact. Sums over 60 have rounding errors.
    with pytest.raises(JobError, match="the features of all 60 images are equal: there is no variance to explain"):
        planned(spark, tmp_path / "run", np.tile(vectors(1), (60, 1)), pca=requested)


def test_an_outlier_hides_no_component(spark: SparkSession, tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(60, 16))
    rows[17] *= 1e8
    write_features(tmp_path / "features", rows, kind=pa.float64())

    reduce_alone(spark, tmp_path / "features", tmp_path / "out", "--components", "16")

    with np.load(tmp_path / "out" / "model_info" / "pca.npz") as arrays:
        deviations = np.sqrt(arrays["explained_variance"] * 59)
    expected = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(deviations, expected, rtol=1e-7)


def test_a_failed_check_of_a_reduction_alone_is_its_error(spark: SparkSession, tmp_path: Path) -> None:
    table = pa.table({"path": ["a"] * 9, "label": ["b"] * 9, "features": vectors(9).tolist()})
    pq.write_table(table, tmp_path / "one.parquet")

    message = r"out are not valid: failed check: unique_paths \(8 rows with the path of another row, or none\)"
    with pytest.raises(JobError, match=message):
        reduce_alone(spark, tmp_path / "one.parquet", tmp_path / "out", "--components", "2")
