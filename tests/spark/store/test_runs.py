"""The features store: runs reuse its features, even if the runs that filled it were killed."""

import json
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import main
import numpy as np
import pyarrow.parquet as pq
import pytest
from orchard.jobs import features
from orchard.jobs.shares import split_into_shares
from orchard.store.lookup import Lookup, look_up
from PIL import Image
from pyspark.sql import SparkSession

from ..jobs.test_features import csv_rows
from ..runs import ModelArtifact, encode, picture, plant, write_plan
from ..test_main import start_step

IMAGES = 40
Rows = dict[str, tuple[str, bytes]]


class Tree:
    """An image tree, the runs on it, and their store."""

    def __init__(self, spark: SparkSession, artifact: ModelArtifact, folder: Path) -> None:
        self.spark = spark
        self.artifact = artifact
        self.folder = folder
        self.store = folder / "store" / f"model={artifact.info['sha256']}"

    def plant(self, number: int, seed: int | None = None) -> Path:
        name = f"Training/Apple {number % 3}/é {number}.jpg"
        return plant(self.folder / "raw", name, encode(picture(number if seed is None else seed)))

    def fill(self, images: int = IMAGES) -> "Tree":
        for number in range(images):
            self.plant(number)
        return self

    def plan(self, run: str, **changes: Any) -> str:
        given = {"runId": run, "store": f"{self.store}/", **changes}
        return str(write_plan(self.folder / run, self.folder / "raw", self.artifact, **given))

    def inventory(self, run: str, **changes: Any) -> str:
        plan = self.plan(run, **changes)
        main.run(self.spark.sparkContext, main.parse(["inventory", "--plan", plan]))
        return plan

    def run(self, run: str, **changes: Any) -> tuple[int, int]:
        """Run inventory and features; return how many images were computed, and how many reused."""
        plan = self.inventory(run, **changes)
        main.run(self.spark.sparkContext, main.parse(["features", "--plan", plan]))
        summary = self.summary(run)
        assert all(check["ok"] for check in summary["checks"]), summary["checks"]
        return summary["computed"], summary["reused"]

    def summary(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / run / "features" / "summary.json").read_text())
        return found

    def rows(self, run: str) -> Rows:
        """Return the label and the bytes of the features by path."""
        table = pq.read_table(self.folder / run / "features" / "parquet")
        columns = (table.column(name).to_pylist() for name in ("path", "label", "features"))
        found = list(zip(*columns, strict=True))
        assert len({path for path, _, _ in found}) == len(found)
        return {path: (label, np.array(vector, np.float32).tobytes()) for path, label, vector in found}

    def rows_without_store(self) -> Rows:
        """Return the rows of a run without a store."""
        assert self.run("clean", store=None)[1] == 0
        return self.rows("clean")


@pytest.fixture
def tree(spark: SparkSession, small_model: ModelArtifact, tmp_path: Path) -> Tree:
    return Tree(spark, small_model, tmp_path)


def test_a_higher_limit_of_pixels_computes_the_images_that_were_too_large(tree: Tree) -> None:
    tree.fill(2)
    large = plant(tree.folder / "raw", "Training/Apple 0/large.png", encode(Image.new("1", (1100, 1000)), "PNG"))
    assert tree.run("first", maxMegapixels=1) == (3, 0)
    assert [row["path"] for row in csv_rows(tree.folder / "first" / "errors")] == [str(large)]

    assert tree.run("second", maxMegapixels=2) == (1, 2)
    assert tree.summary("second")["errors"] == 0


def test_only_new_and_changed_images_are_computed(tree: Tree) -> None:
    bad = plant(tree.fill().folder / "raw", "Training/Apple 0/bad.jpg", b"no image")
    assert tree.run("first") == (IMAGES + 1, 0)
    first = tree.rows("first")

    assert tree.run("again") == (0, IMAGES + 1)
    assert tree.rows("again") == first
    assert [row["reason"] for row in csv_rows(tree.folder / "again" / "errors")] == ["text, not an image"]
    assert len(csv_rows(tree.folder / "again" / "features" / "csv")) == IMAGES
    assert len(csv_rows(tree.folder / "again" / "metadata")) == IMAGES

    new, changed = tree.plant(IMAGES), tree.plant(3, seed=1003)
    tree.folder.joinpath("raw/Training/Apple 1/é 7.jpg").unlink()
    bad.write_bytes(encode(picture(2000)))
    assert tree.run("changed") == (3, IMAGES - 2)

    found = tree.rows("changed")
    assert found == tree.rows_without_store()
    assert {path for path in found if found[path] != first.get(path)} == {str(new), str(changed), str(bad)}
    assert set(first) - set(found) == {str(tree.folder / "raw/Training/Apple 1/é 7.jpg")}
    assert csv_rows(tree.folder / "changed" / "errors") == []


def test_another_selection_reuses_its_images(tree: Tree) -> None:
    tree.fill()
    assert tree.run("some", label="Apple 1") == (13, 0)

    assert tree.run("all") == (IMAGES - 13, 13)
    assert tree.run("few", label_prefix="Apple", limit=5) == (0, 5)
    assert tree.rows("few").items() <= tree.rows_without_store().items()


def test_force_computes_all_images_and_later_runs_reuse_the_new_features(tree: Tree) -> None:
    tree.fill(10)
    tree.run("first")
    # Damage the stored features, which only force replaces.
    for path in tree.store.glob("*.parquet"):
        table = pq.read_table(path)
        wrong = table.set_column(2, "features", table.column("features").take(list(range(table.num_rows))[::-1]))
        pq.write_table(wrong, path)
    assert tree.run("wrong") == (0, 10)
    assert tree.rows("wrong") != tree.rows("first")

    assert tree.run("forced", force=True) == (10, 0)
    assert tree.run("after") == (0, 10)
    assert tree.rows("forced") == tree.rows("after") == tree.rows("first")


def test_another_model_has_another_store(tree: Tree) -> None:
    tree.fill(5)
    tree.run("first")

    other = tree.store.with_name(f"model={'0' * 64}")
    assert tree.run("other", store=str(other)) == (5, 0)


def test_an_image_that_changes_during_a_run_is_stored_with_the_etag_that_was_read(tree: Tree) -> None:
    tree.fill(4)
    plan = tree.inventory("first")
    tree.plant(2, seed=1002)
    tree.folder.joinpath("raw/Training/Apple 0/é 3.jpg").unlink()
    main.run(tree.spark.sparkContext, main.parse(["features", "--plan", plan]))
    assert tree.summary("first")["changed"] == 2

    assert tree.run("second") == (0, 3)
    assert tree.summary("second")["changed"] == 0
    assert tree.rows("second") == tree.rows_without_store()


def test_concurrent_runs_share_a_store(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.fill(60)
    selections: dict[str, dict[str, str]] = {"run 0": {}, "run 1": {}, "apples": {"label": "Apple 1"}}
    plans = [tree.inventory(run, **selection) for run, selection in selections.items()]
    all_have_looked = threading.Barrier(len(plans), timeout=120)

    def look_up_together(*arguments: Any) -> Lookup | None:
        found = look_up(*arguments)
        all_have_looked.wait()
        return found

    monkeypatch.setattr(features, "look_up", look_up_together)
    with ThreadPoolExecutor(len(plans)) as steps:
        list(steps.map(lambda plan: main.run(tree.spark.sparkContext, main.parse(["features", "--plan", plan])), plans))
    monkeypatch.undo()

    assert [tree.summary(run)["computed"] for run in selections] == [60, 60, 20]
    expected = tree.rows_without_store()
    for run in ("run 0", "run 1"):
        assert tree.rows(run) == expected
    assert tree.rows("apples") == {path: row for path, row in expected.items() if row[0] == "Apple 1"}
    assert tree.run("after") == (0, 60)
    assert tree.rows("after") == expected


@pytest.fixture(scope="module")
def killed(spark: SparkSession, small_model: ModelArtifact, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Images, and the run `killed`, whose features step was killed when all tasks but one had written their files."""
    tree = Tree(spark, small_model, tmp_path_factory.mktemp("killed")).fill()
    image, aside = tree.plant(7), tree.folder / "aside"
    plan = tree.inventory("killed")
    image.rename(aside)
    # The task that opens it waits for a writer.
    os.mkfifo(image)
    step = start_step(tree.folder, "features", "--plan", plan)
    deadline = time.monotonic() + 120
    try:
        while len(list(tree.store.glob("*.parquet"))) < len(split_into_shares(IMAGES, 2)) - 1:
            assert step.poll() is None, step.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        # Spark's Python workers are in another process group and end with the JVM.
        os.killpg(step.pid, signal.SIGKILL)
        step.communicate()
    aside.replace(image)
    assert not (tree.folder / "killed" / "features" / "summary.json").exists()
    return tree


def test_a_run_after_a_crash_reuses_the_complete_files(killed: Tree) -> None:
    store = killed.folder / "copy of the store"
    shutil.copytree(killed.store, store)
    # An interrupted write leaves such a file on a local disk.
    [some, *_] = store.glob("*.parquet")
    (store / f".{some.name}.1.partial").write_bytes(some.read_bytes()[:100])

    computed, reused = killed.run("next", store=f"{store}/")

    assert 0 < reused < IMAGES
    assert computed + reused == IMAGES
    assert killed.rows("next") == killed.rows_without_store()


def test_a_second_attempt_after_a_killed_first_one_is_complete_and_doubles_nothing(killed: Tree) -> None:
    stored = sum(pq.read_metadata(file).num_rows for file in killed.store.glob("*.parquet"))

    # YARN starts a second attempt with the same arguments, as does the workflow's retry.
    plan = str(killed.folder / "killed" / "plan.json")
    main.run(killed.spark.sparkContext, main.parse(["features", "--plan", plan]))

    summary = killed.summary("killed")
    assert (summary["computed"], summary["reused"]) == (IMAGES - stored, stored)
    assert all(check["ok"] for check in summary["checks"]), summary["checks"]
    paths = [path for file in killed.store.glob("*.parquet") for path in pq.read_table(file).column("path").to_pylist()]
    assert len(paths) == len(set(paths)) == IMAGES
    assert len(csv_rows(killed.folder / "killed" / "features" / "csv")) == IMAGES
    assert killed.rows("killed") == killed.rows_without_store()


def test_a_store_whose_folder_was_deleted_is_filled_again(tree: Tree) -> None:
    tree.fill(4)
    tree.run("first")
    shutil.rmtree(tree.store)

    assert tree.run("second") == (4, 0)
    assert tree.run("third") == (0, 4)
