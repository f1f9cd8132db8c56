import csv
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import main
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.jobs import select_images
from pyspark.sql import SparkSession

from ..runs import INPUT_TREES, TREE_RULES, encode, picture, plant, write_plan

IMAGE = encode(picture(1))
ODD = 'Crab, "wild" apple/caf\u00e9 100%+1 #2?.jpg'


TRAINING_APPLES = [("Training", f"{number}_100.jpg") for number in range(5)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "raw"
    for number in range(5):
        plant(root, f"Training/Apple Red/{number}_100.jpg", IMAGE)
    plant(root, "Training/Banana/1_100.JPG", IMAGE)
    plant(root, "Training/Banana/2_100.jpeg", IMAGE)
    plant(root, "Training/Banana/3_100.png", IMAGE)
    plant(root, f"Training/{ODD}", IMAGE)
    plant(root, "Test/Apple Red/9_100.jpg", IMAGE)
    # None of these is an image under <split>/<label>/.
    plant(root, "Training/Banana/readme.txt", b"text")
    plant(root, "Training/Banana/deeper/4_100.jpg", IMAGE)
    plant(root, "Training/5_100.jpg", IMAGE)
    plant(root, "6_100.jpg", IMAGE)
    return root


def inventory(spark: SparkSession, plan: Path) -> Path:
    main.run(spark.sparkContext, main.parse(["inventory", "--plan", str(plan)]))
    return plan.parent


def rows(folder: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            found += list(csv.DictReader(lines))
    return found


def left_out_of(run: Path) -> list[tuple[str, str]]:
    with (run / "inventory" / "leftout.csv").open(newline="", encoding="utf-8") as lines:
        return [(row["path"], row["reason"]) for row in csv.DictReader(lines)]


def read_summary(run: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((run / "inventory" / "summary.json").read_text())
    return summary


def selected(run: Path) -> list[str]:
    table = pq.read_table(run / "inventory" / "selection")
    assert table.column_names == ["path", "label", "size", "mtime", "etag"]
    return [str(path) for path in table.column("path").to_pylist()]


def test_lists_every_image_of_all_splits(spark: SparkSession, tree: Path, tmp_path: Path) -> None:
    run = inventory(spark, write_plan(tmp_path / "run", tree))

    found = rows(run / "inventory" / "metadata")
    assert list(found[0]) == ["s3_path", "label", "filename", "split", "modification_time", "file_size_bytes"]
    odd = next(row for row in found if row["label"].startswith("Crab"))
    assert odd["s3_path"] == f"{tree}/Training/{ODD}"
    assert f"{odd['label']}/{odd['filename']}" == ODD
    assert odd["file_size_bytes"] == str(len(IMAGE))
    assert odd["modification_time"].endswith("Z")
    assert sorted(row["s3_path"] for row in found) == sorted(selected(run))
    assert rows(run / "inventory" / "stats") == [
        {"split": "Test", "label": "Apple Red", "count": "1"},
        {"split": "Training", "label": "Apple Red", "count": "5"},
        {"split": "Training", "label": "Banana", "count": "3"},
        {"split": "Training", "label": 'Crab, "wild" apple', "count": "1"},
    ]
    everything = {"images": 10, "labels": 3, "bytes": 10 * len(IMAGE)}
    summary = read_summary(run)
    del summary["outputs"]  # test_foreign_files.py compares them with the files
    table = pq.read_table(run / "inventory" / "selection").to_pydict()
    etags = dict(zip(table["path"], table["etag"], strict=True))
    digests = [hashlib.sha256(f"{path}\t{etag}\n".encode()).hexdigest() for path, etag in etags.items()]
    fingerprint = f"{sum(int(text, 16) for text in digests) % 2**256:064x}"
    left_out = {"deep": 1, "ending": 1, "shallow": 2}
    chosen = {**everything, "fingerprint": fingerprint}
    assert summary == {**everything, "selected": chosen, "leftOut": left_out, "later": 0, "changed": None}
    assert left_out_of(run) == [
        (f"{tree}/6_100.jpg", "shallow"),
        (f"{tree}/Training/5_100.jpg", "shallow"),
        (f"{tree}/Training/Banana/deeper/4_100.jpg", "deep"),
        (f"{tree}/Training/Banana/readme.txt", "ending"),
    ]
    progress = json.loads((run / "progress.json").read_text())
    assert (progress["state"], progress["done"], progress["total"]) == ("SUCCEEDED", 10, 10)


def test_a_repeated_step_replaces_its_output(spark: SparkSession, tree: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "run", tree, splits=["Training"], label_prefix="Apple", limit=2)

    inventory(spark, plan)
    first = selected(plan.parent)
    inventory(spark, plan)

    assert selected(plan.parent) == first
    assert len(first) == 2
    assert all("/Training/Apple Red/" in path for path in first)


def test_a_limit_selects_evenly_from_all_labels_and_splits(spark: SparkSession, tree: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "run", tree, limit=7)

    paths = selected(inventory(spark, plan))

    # Round-robin over the labels: Apple Red, Banana, Crab; Apple Red, Banana; Apple Red, Banana.
    assert Counter(path.split("/")[-2] for path in paths) == {"Apple Red": 3, "Banana": 3, 'Crab, "wild" apple': 1}
    apples = [f"{split}/Apple Red/{name}" for split, name in [("Test", "9_100.jpg"), *TRAINING_APPLES]]
    taken = sorted(apples, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:3]
    assert sorted(path for path in paths if "Apple Red" in path) == sorted(f"{tree}/{name}" for name in taken)
    assert paths == sorted(paths, key=lambda path: hashlib.sha256(path.removeprefix(f"{tree}/").encode()).hexdigest())


def test_single_class_selects_one_label(spark: SparkSession, tree: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "run", tree, splits=["Training"], label="Banana")

    names = sorted(Path(path).name for path in selected(inventory(spark, plan)))

    assert names == ["1_100.JPG", "2_100.jpeg", "3_100.png"]


def test_a_mode_that_selects_nothing_is_refused(spark: SparkSession, tree: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "run", tree, splits=["Training"], label="Bananna")

    with pytest.raises(JobError) as caught:
        inventory(spark, plan)

    assert "has no image of label 'Bananna'" in str(caught.value)
    assert "labels there: Apple Red, Banana, Crab" in str(caught.value)
    assert json.loads((tmp_path / "run" / "progress.json").read_text())["state"] == "FAILED"


def test_images_that_change_after_the_plan_are_counted(spark: SparkSession, tmp_path: Path) -> None:
    root = tmp_path / "raw"
    for number in range(4):
        os.utime(plant(root, f"Training/Apple/{number}.jpg", IMAGE), (1_000_000_000 + number,) * 2)
    before = inventory(spark, write_plan(tmp_path / "run", root))
    fingerprint = read_summary(before)["selected"]["fingerprint"]
    # 2001-09-09T01:46:43Z is the time of the last one.
    planned = {"plannedAt": "2001-09-09T01:46:43Z", "counts": {"images": 4}, "selection": fingerprint}

    same = read_summary(inventory(spark, write_plan(tmp_path / "run", root, **planned)))
    plant(root, "Training/Apple/0.jpg", b"overwritten")
    (root / "Training/Apple/1.jpg").unlink()
    plant(root, "Training/Apple/new.jpg", IMAGE)
    changed = inventory(spark, write_plan(tmp_path / "run", root, label="Apple", **planned))

    assert (same["later"], same["changed"], same["selected"]["images"]) == (0, 0, 4)
    summary = read_summary(changed)
    assert (summary["later"], summary["changed"], summary["images"]) == (2, 2, 2)
    assert sorted(Path(path).name for path in selected(changed)) == ["2.jpg", "3.jpg"]


def test_a_tree_of_later_images_is_refused(spark: SparkSession, tree: Path, tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "run", tree, plannedAt="2001-09-09T01:46:43Z")

    with pytest.raises(JobError, match=r"has no image .*\. 10 images were added or overwritten after the plan"):
        inventory(spark, plan)


@pytest.mark.parametrize("limit", [None, 7])
def test_many_images_are_selected_by_tasks_as_few_are_by_the_driver(
    spark: SparkSession, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    plan = write_plan(tmp_path / "run", tree, limit=limit)
    few, summary = selected(inventory(spark, plan)), read_summary(plan.parent)
    monkeypatch.setattr(select_images, "DRIVERS_CANDIDATES", 0)
    monkeypatch.setattr(select_images, "ROWS_PER_FILE", 4)

    plan = write_plan(tmp_path / "many", tree, limit=limit)
    many = selected(inventory(spark, plan))

    assert many == few
    # Only the files of the selection differ.
    assert read_summary(plan.parent) | {"outputs": None} == summary | {"outputs": None}
    assert len(list((plan.parent / "inventory" / "selection").iterdir())) > 1
    assert not (plan.parent / "inventory" / "candidates").exists()


@pytest.mark.parametrize(
    ("folder", "splits", "message"),
    [
        ("raw", ["Trainin"], "has no split Trainin; there are: Test, Training"),
        ("nowhere", None, "is empty or does not exist"),
        ("empty", None, "is empty or does not exist"),
        ("bare", None, r"has no image \(\.jpg, .* under <split>/<label>/"),
    ],
)
def test_an_image_tree_without_images_is_refused(  # noqa: PLR0917
    spark: SparkSession, tree: Path, tmp_path: Path, folder: str, splits: list[str] | None, message: str
) -> None:
    (tree.parent / "empty").mkdir(exist_ok=True)
    (tree.parent / "bare" / "Training" / "Apple").mkdir(parents=True, exist_ok=True)

    with pytest.raises(JobError, match=message):
        inventory(spark, write_plan(tmp_path / "run", tree.parent / folder, splits=splits))


@pytest.mark.parametrize(
    "fixture", [tree for tree in INPUT_TREES if not tree.get("onlyS3")], ids=lambda tree: tree["name"]
)
def test_sorts_a_tree_out_like_preflight(spark: SparkSession, tmp_path: Path, fixture: dict[str, Any]) -> None:
    root = tmp_path / "raw"
    for key in [*fixture["images"], *(key for keys in fixture["leftOut"].values() for key in keys)]:
        plant(root, key, b"x")
    rules = {"layout": fixture["layout"], **TREE_RULES}

    run = inventory(spark, write_plan(tmp_path / "run", root, tree=rules))

    assert sorted(selected(run)) == sorted(f"{root}/{key}" for key in fixture["images"])
    assert left_out_of(run) == sorted(
        (f"{root}/{key}", reason) for reason, keys in fixture["leftOut"].items() for key in keys
    )


def test_a_tree_without_splits_has_an_empty_split(spark: SparkSession, tmp_path: Path) -> None:
    for key in ["Apple A/1.jpg", "Apple A/2.jpg", "Kiwi/1.jpg"]:
        plant(tmp_path / "raw", key, b"x")

    run = inventory(spark, write_plan(tmp_path / "run", tmp_path / "raw", tree={"layout": "label", **TREE_RULES}))

    assert rows(run / "inventory" / "stats") == [
        {"split": "", "label": "Apple A", "count": "2"},
        {"split": "", "label": "Kiwi", "count": "1"},
    ]


def test_a_label_with_a_line_break_is_one_row_of_the_stats(spark: SparkSession, tmp_path: Path) -> None:
    label = 'Kiwi\n,900\r\n"ripe"'
    plant(tmp_path / "raw", f"Training/{label}/1.jpg", b"x")

    run = inventory(spark, write_plan(tmp_path / "run", tmp_path / "raw"))

    assert rows(run / "inventory" / "stats") == [{"split": "Training", "label": label, "count": "1"}]


def test_a_name_that_is_not_utf8_is_left_out(spark: SparkSession, tmp_path: Path) -> None:
    plant(tmp_path / "raw", "Training/Apple A/1.jpg", b"x")
    plant(tmp_path / "raw", "Training/P\udceache/1.jpg", b"x")

    run = inventory(spark, write_plan(tmp_path / "run", tmp_path / "raw"))

    assert left_out_of(run) == [(f"{tmp_path}/raw/Training/P\\udceache/1.jpg", "not-utf8")]


def test_spark_reads_odd_names_back(spark: SparkSession, tmp_path: Path) -> None:
    names = ["=SUM(A1).jpg", "+1.jpg", "-1.jpg", "@a.jpg", 'a "b", c.jpg', "line\nbreak.jpg", "NA.jpg", "\u00e9.jpg"]
    for name in names:
        plant(tmp_path / "raw", f"Training/NA/{name}", b"x")
        plant(tmp_path / "raw", f"Training/NA/more/{name}", b"x")

    folder = inventory(spark, write_plan(tmp_path / "run", tmp_path / "raw")) / "inventory"

    # The options that docs/input-trees.md names.
    reader = spark.read.options(header=True, multiLine=True, escape='"')
    metadata = reader.csv(str(folder / "metadata")).collect()
    assert sorted(row["s3_path"] for row in metadata) == sorted(f"{tmp_path}/raw/Training/NA/{name}" for name in names)
    assert {row["label"] for row in metadata} == {"NA"}
    left_out = reader.csv(str(folder / "leftout.csv")).collect()
    assert sorted(row["path"] for row in left_out) == sorted(f"{tmp_path}/raw/Training/NA/more/{n}" for n in names)
