"""A run on a pack has the same results as a run on the tree that was packed."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import main
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.io.backend import UnreadableFileError
from orchard.io.local import LocalStorage
from orchard.io.read_ahead import read_ahead
from orchard.jobs.shares import order_by_digest
from orchard.pack import shards
from orchard.pack.manifest import Manifest
from orchard.pack.packing import pack
from orchard.pack.reading import PackedStorage
from orchard.selection import digest
from orchard.tree import parse_tree_rules
from pyspark.sql import SparkSession

from ..runs import TREE_RULES, ModelArtifact, encode, picture, plant, write_plan

RULES = parse_tree_rules({"layout": "split/label", **TREE_RULES})
NAMES = [f"{split}/{label}/{n}.jpg" for split in ("Training", "Test") for label in "AB" for n in range(6)]
BAD = "Training/A/bad.jpg"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for seed, name in enumerate(NAMES):
        plant(root, name, encode(picture(seed)))
    plant(root, BAD, b"no image")
    plant(root, "Training/A/notes.txt", b"text")
    return root


@pytest.fixture(scope="module")
def packed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a pack of several shards with several row groups."""
    target = tmp_path_factory.mktemp("pack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "GROUP_ROWS", 3)
        manifest = pack(str(tree), str(target), RULES, lambda *_: None, shard_bytes=20_000)
    assert len(manifest.shards) > 1
    assert max(len(shard.groups) for shard in manifest.shards) > 1
    return target


def play(spark: SparkSession, plan: Path) -> Path:
    for step in ("inventory", "features"):
        main.run(spark.sparkContext, main.parse([step, "--plan", str(plan)]))
    return plan.parent


def read_summary(run: Path, step: str) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((run / step / "summary.json").read_text())
    return summary


def features_of(run: Path, source: Path) -> dict[str, list[float]]:
    table = pq.read_table(run / "features" / "parquet", columns=["path", "features"])
    paths = [str(path).removeprefix(f"{source}/") for path in table.column("path").to_pylist()]
    features: list[Any] = table.column("features").to_pylist()
    return dict(zip(paths, features, strict=True))


def test_a_run_on_a_pack_has_the_results_of_one_on_its_tree(
    spark: SparkSession, tree: Path, packed: Path, tmp_path: Path, small_model: ModelArtifact
) -> None:
    options: dict[str, Any] = {"splits": ["Training"], "limit": 9}

    plain = play(spark, write_plan(tmp_path / "plain", tree, small_model, **options))
    # A pack's images belong to the run even if they are newer than the plan.
    options |= {"pack": {"shards": 1, "groups": 1}, "plannedAt": "2000-01-01T00:00:00Z"}
    run = play(spark, write_plan(tmp_path / "packed", packed, small_model, **options))

    assert features_of(run, packed) == features_of(plain, tree)
    before, after = (read_summary(each, "inventory") for each in (plain, run))
    for summary in (before, after):
        del summary["selected"]["fingerprint"], summary["outputs"]
    assert after == before
    features = read_summary(run, "features")
    assert features["examples"] == read_summary(plain, "features")["examples"]
    assert features["changed"] == 0


def test_another_run_on_the_same_images_packed_again_takes_all_from_the_store(
    spark: SparkSession, tree: Path, packed: Path, tmp_path: Path, small_model: ModelArtifact
) -> None:
    options: dict[str, Any] = {"pack": {"shards": 1, "groups": 1}, "store": str(tmp_path / "store")}
    play(spark, write_plan(tmp_path / "half", packed, small_model, splits=["Test"], **options))
    pack(str(tree), str(packed), RULES, lambda *_: None, force=True)

    whole = play(spark, write_plan(tmp_path / "whole", packed, small_model, **options))
    again = play(spark, write_plan(tmp_path / "again", packed, small_model, **options))

    assert {key: read_summary(whole, "features")[key] for key in ("computed", "reused")} == {
        "computed": 13,
        "reused": 12,
    }
    assert {key: read_summary(again, "features")[key] for key in ("computed", "reused")} == {
        "computed": 0,
        "reused": 25,
    }
    assert features_of(again, packed) == features_of(whole, packed)
    assert read_summary(again, "features")["examples"] == {"text, not an image": [BAD]}


def test_images_are_ordered_as_packs_have_them(spark: SparkSession) -> None:
    images = [(f"/tree/{n}.jpg", "", "", 1) for n in range(200)]

    found = order_by_digest(spark.sparkContext.parallelize(images, 3), "/tree", 4).glom().collect()

    paths = [image[0].removeprefix("/tree/") for part in found for image in part]
    assert paths == sorted(paths, key=digest)
    assert len(paths) == 200
    assert min(map(len, found)) > 30


class DistantStorage(LocalStorage):
    """Local files that are read ahead like objects on S3."""

    readers = 8


def test_a_row_group_is_read_once_for_images_in_the_order_of_their_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "GROUP_ROWS", 4)
    names = [f"Training/A/{n}.jpg" for n in range(30)]
    for name in names:
        plant(tmp_path / "tree", name, name.encode())
    manifest: Manifest = pack(str(tmp_path / "tree"), str(tmp_path / "pack"), RULES, lambda *_: None)
    index = tuple((shard.name, tuple(shard.groups)) for shard in manifest.shards)
    root = str(tmp_path / "pack")
    reads: Counter[int] = Counter()
    read_row_group = pq.ParquetFile.read_row_group

    def count(self: pq.ParquetFile, number: int, **options: Any) -> pa.Table:
        reads[number] += 1
        return read_row_group(self, number, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", count)
    storage = PackedStorage(root, DistantStorage(), None, index)
    ordered = sorted(names, key=digest)

    files = list(read_ahead([(f"{root}/{name}", "A", "", 1) for name in ordered], storage))

    assert [file.content for file in files] == [name.encode() for name in ordered]
    assert reads == dict.fromkeys(range(8), 1)
    with pytest.raises(UnreadableFileError, match="file not found"):
        storage.open_reader()(f"{root}/Training/A/none.jpg")
