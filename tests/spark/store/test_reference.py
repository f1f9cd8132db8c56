"""A run refers to the rows of the store, and later steps read them there as they read a copy."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import main
import numpy as np
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.io import fitted
from orchard.io.outputs import Outputs, merge_outputs
from orchard.io.vectors import Column, find_features
from orchard.jobs import features
from orchard.store import compaction
from orchard.store.maintenance import maintain, record_use
from orchard.store.records import Record, merge_used, name_record, read_contents, write_record
from pyspark.sql import SparkSession

from ..jobs.test_features import csv_rows
from ..runs import ModelArtifact, plant
from .made import data_files, some_images, write_rows
from .test_compaction import age
from .test_runs import IMAGES, Tree


def read(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Return the label and the bytes of the features by path, as the reduction reads them."""
    source = find_features(str(folder / "features" / "parquet"))
    dimensions = source.read_sample(1).shape[1]
    found: dict[Any, tuple[Any, bytes]] = {}
    for rows, (paths, labels) in source.read_named(range(len(source.groups)), dimensions):
        names = zip(paths.to_pylist(), labels.to_pylist(), strict=True)
        found.update({path: (label, row.tobytes()) for row, (path, label) in zip(rows, names, strict=True)})
    assert len(found) == source.rows
    return found


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def tree(spark: SparkSession, small_model: ModelArtifact, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Images, one of them unusable, whose features are in the store and were copied from it by the run `copy`."""
    tree = Tree(spark, small_model, tmp_path_factory.mktemp("reference")).fill()
    plant(tree.folder / "raw", "Training/Apple 0/bad.jpg", b"no image")
    tree.run("first", formats=["parquet"])
    # Without maintenance, only runs with a reference record the files that they use.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "maintain", lambda *_: None)
        tree.plant(3, seed=1003)
        assert tree.run("copy", formats=["parquet"]) == (1, IMAGES)
        tree.plant(3, seed=2003)
        assert tree.run("reference", formats=["parquet"], reusedFeatures="reference") == (1, IMAGES)
    return tree


def reduce(tree: Tree, run: str) -> Any:
    main.run(tree.spark.sparkContext, main.parse(["reduction", "--plan", str(tree.folder / run / "plan.json")]))
    info = json.loads((tree.folder / run / "model_info" / "model_info.json").read_text())
    assert all(check["ok"] for check in info["checks"]), info["checks"]
    return fitted.load(str(tree.folder / run))[0]


def test_a_run_of_one_changed_image_writes_only_that_and_a_small_reference(tree: Tree) -> None:
    summary = tree.summary("reference")

    found = {name: summary[name] for name in ("images", "errors", "copied", "referenced")}
    assert found == {"images": IMAGES, "errors": 1, "copied": 0, "referenced": IMAGES - 1}
    assert tree.summary("copy")["copied"] == IMAGES - 1
    folder = tree.folder / "reference" / "features"
    assert summary["outputs"]["parquet"]["rows"] == 1
    assert summary["outputs"]["reference"] == {
        "files": len(list((folder / "reference").iterdir())),
        "rows": IMAGES - 1,
        "bytes": size(folder / "reference"),
    }
    table = pq.read_table(folder / "reference")
    assert table.column_names == ["path", "label", "file", "row"]
    used = merge_used(read_contents(str(tree.store)).records.values())
    assert set(table.column("file").to_pylist()) <= used.keys()
    assert [row["reason"] for row in csv_rows(tree.folder / "reference" / "errors")] == ["text, not an image"]
    assert len(csv_rows(tree.folder / "reference" / "metadata")) == 1
    assert size(folder) * 5 < size(tree.folder / "copy" / "features")


def test_a_file_that_no_task_has_reported_is_removed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tree.folder / "zombie" / "features" / "reference"

    def merge_after_a_zombie(reports: Iterable[Outputs]) -> Outputs:
        # A lost executor writes its task's rows again after the other tasks have ended.
        written = next(folder.glob("*.parquet"))
        written.with_name("part-00009-0000-deadbeef.parquet").write_bytes(written.read_bytes())
        return merge_outputs(reports)

    monkeypatch.setattr(features, "merge_outputs", merge_after_a_zombie)

    tree.run("zombie", formats=["parquet"], reusedFeatures="reference")

    summary = tree.summary("zombie")
    files = sorted(path.name for path in folder.iterdir())
    assert summary["outputs"]["reference"]["files"] == len(files)
    assert "part-00009-0000-deadbeef.parquet" not in files
    assert len(read(tree.folder / "zombie")) == summary["images"]


def test_the_pca_of_a_reference_equals_that_of_a_copy(tree: Tree) -> None:
    changes = {"formats": ["parquet"], "pca": {"components": 4}}
    assert tree.run("referenced", **changes, reusedFeatures="reference") == (0, IMAGES + 1)
    assert tree.run("copied", **changes) == (0, IMAGES + 1)
    assert read(tree.folder / "referenced") == read(tree.folder / "copied") == tree.rows("copied")

    referenced, copied = reduce(tree, "referenced"), reduce(tree, "copied")

    np.testing.assert_allclose(referenced.ratios, copied.ratios, rtol=1e-9)
    np.testing.assert_allclose(referenced.components, copied.components, atol=1e-7)
    tables = [pq.read_table(tree.folder / run / "pca" / "parquet") for run in ("referenced", "copied")]
    by_path = [table.sort_by("path") for table in tables]
    assert by_path[0].select(["path", "label"]) == by_path[1].select(["path", "label"])
    first, second = (np.array(table.column("pca_features").to_pylist()) for table in by_path)
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_folder_with_both_is_read_whole_but_not_for_another_column(tree: Tree) -> None:
    folder = str(tree.folder / "reference" / "features")

    assert find_features(folder).rows == IMAGES
    assert find_features(f"{folder}/parquet").rows == IMAGES
    assert find_features(f"{folder}/parquet", Column("features", "float32")).rows == 1


def test_rows_are_found_where_they_were_merged_and_a_lost_file_is_named(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read(tree.folder / "reference")
    old = data_files(tree.store)
    age(tree.store, 4, *old)
    monkeypatch.setattr(compaction, "MANY_FILES", 2)
    maintain(tree.spark.sparkContext, str(tree.store), "later", ())
    [merged] = set(data_files(tree.store)) - set(old)
    for name in old:
        (tree.store / name).unlink()

    assert read(tree.folder / "reference") == expected

    (tree.store / merged).rename(tree.store / f"_{merged}")
    with pytest.raises(JobError, match=r"reference/features/parquet refers to \d+ files of .* do not exist any more"):
        read(tree.folder / "reference")
    (tree.store / f"_{merged}").rename(tree.store / merged)


def test_files_that_a_run_refers_to_do_not_expire(spark: SparkSession, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    names = [write_rows(tmp_path / "store", some_images(2, first=2 * number)) for number in range(2)]
    age(tmp_path / "store", 200, *names)
    # Another run lets both files expire while this one works with the first.
    at = datetime.now(UTC)
    write_record(store, name_record("other"), Record(at.isoformat(), expired=dict.fromkeys(names, at.isoformat())))
    with pytest.raises(JobError, match="has lost 1 file during the run"):
        record_use(store, "run", names[:1])

    use = {names[0]: (at - timedelta(days=80)).isoformat()}
    write_record(store, name_record("run"), Record(at.isoformat(), used=use))

    assert set(read_contents(store).expired) == {names[1]}
    maintain(spark.sparkContext, store, "later", ())
    assert set(read_contents(store).expired) == {names[1]}
    record_use(store, "run", names[:1])
