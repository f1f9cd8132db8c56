"""Finds the images of a store through its index, with all kinds of files that runs leave there."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from orchard.io.local import LocalStorage
from orchard.io.tables import from_bytes
from orchard.store import indexing, lookup
from orchard.store.indexing import update_index
from orchard.store.keys import KEYS_SCHEMA, make_key, read_keys, write_keys
from orchard.store.lookup import KEYED_SCHEMA, Lookup, look_up, match
from orchard.store.records import Place, Record, name_record, now, read_contents, write_record
from pyspark.sql import SparkSession

from ..runs import ROOT
from .made import Image, data_files, some_images, write_rows, write_selection


def find(spark: SparkSession, store: Path, images: list[Image]) -> Lookup:
    selection = write_selection(store.parent / "selection", images)
    found = look_up(spark.sparkContext, str(store), selection, len(images))
    assert found is not None
    return found


def places(found: Lookup) -> dict[str, tuple[str, int]]:
    """Return the file and the row of each known image."""
    rows = [row for table in found.read_places(3).collect() for row in table.to_pylist()]
    assert len(rows) == found.known
    assert all(row["label"] == f"label of {row['path']}" for row in rows)
    return {row["path"]: (row["file"], row["row"]) for row in rows}


def missing(found: Lookup) -> list[Image]:
    return sorted((path, etag) for path, _, etag, _ in found.read_missing(2).collect())


def add_index(spark: SparkSession, store: Path, run: str = "run", used: tuple[str, ...] = ()) -> None:
    update_index(spark.sparkContext, read_contents(str(store)), run, used)


@pytest.mark.parametrize("case", json.loads((ROOT / "tests" / "store-keys.json").read_text()))
def test_a_key_is_the_one_that_preflight_computes(case: dict[str, str]) -> None:
    assert make_key(case["path"], case["etag"]).hex() == case["key"]


def test_only_row_groups_that_may_have_a_key_are_read(tmp_path: Path) -> None:
    images = some_images(20_000)
    keys = sorted(make_key(*image) for image in images)
    rows = [{"key": key, "file": "file", "row": row, "bad": False} for row, key in enumerate(reversed(keys))]
    table = pa.Table.from_pylist(rows, KEYS_SCHEMA)
    write_keys(table, str(tmp_path / "keys.parquet"), LocalStorage())
    files = LocalStorage().open_filesystem()

    def read(wanted: list[bytes]) -> int:
        found = read_keys(files, str(tmp_path / "keys.parquet"), wanted)
        assert set(wanted) & set(keys) <= set(found.column("key").to_pylist())
        return found.num_rows

    assert read([]) == 0
    assert read([keys[0]]) == read([b"\0" * 16, keys[5]]) == 8192
    assert read([b"\xff" * 16]) == 0
    assert read([keys[0], keys[-1]]) == 20_000 - 8192
    assert read(keys) == 20_000


def test_the_newest_row_that_can_be_read_counts() -> None:
    def keyed(*paths: str) -> pa.Table:
        rows = [{"key": path.encode(), "path": path, "label": "x", "etag": "1"} for path in paths]
        return pa.Table.from_pylist(rows, KEYED_SCHEMA)

    stored = pa.Table.from_pylist(
        [
            {"key": b"a", "file": "1", "row": 0, "bad": False},
            {"key": b"a", "file": "3", "row": 5, "bad": True},
            {"key": b"a", "file": "2", "row": 7, "bad": False},
            {"key": b"a", "file": "4", "row": 1, "bad": False},
            {"key": b"b", "file": "1", "row": 1, "bad": False},
            {"key": b"b", "file": "1", "row": 2, "bad": True},
            {"key": b"c", "file": "4", "row": 0, "bad": False},
            {"key": b"e", "file": "1", "row": 3, "bad": False},
        ],
        KEYS_SCHEMA,
    )
    where = {"1": Place("1", 0), "2": Place("2", 0), "3": Place("large", 100)}

    part = match(keyed("a", "b", "c", "d"), stored, where)

    assert [tuple(row.values()) for row in from_bytes(part.known).to_pylist()] == [
        ("a", "x", "large", 105, True),
        ("b", "x", "1", 2, True),
    ]
    assert from_bytes(part.missing).column("path").to_pylist() == ["c", "d"]


def test_images_are_found_with_and_without_an_index(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "IMAGES_PER_PART", 16)
    store = tmp_path / "store"
    first = write_rows(store, [*some_images(20), ("bad", "1")])
    images = [*some_images(30, first=10), ("bad", "1"), ("s3://b/é 3.jpg", "changed")]
    expected = {
        **{path: (first, row) for row, (path, _) in enumerate(some_images(20)) if row >= 10},
        "bad": (first, 20),
    }

    for _ in range(2):
        found = find(spark, store, images)
        assert (found.known, found.bad, found.used) == (11, 1, frozenset([first]))
        assert places(found) == expected
        assert missing(found) == sorted([*some_images(20, first=20), ("s3://b/é 3.jpg", "changed")])
        add_index(spark, store)
        assert read_contents(str(store)).find_uncovered() == []

    # A file of a killed run is in no index. It counts as well, and is newer.
    second = write_rows(store, [*some_images(3, first=9)], "killed")
    found = find(spark, store, images)
    assert places(found) == {**expected, "s3://b/é 10.jpg": (second, 1), "s3://b/é 11.jpg": (second, 2)}
    assert found.used == {first, second}


def test_a_record_is_written_only_when_there_is_news(spark: SparkSession, tmp_path: Path) -> None:
    store = tmp_path / "store"
    name = write_rows(store, some_images(3))
    add_index(spark, store, used=(name,))
    before = sorted(store.rglob("*"))

    add_index(spark, store, used=(name,))
    assert sorted(store.rglob("*")) == before

    write_rows(store, some_images(3, first=3))
    add_index(spark, store, used=(name,))
    assert len(read_contents(str(store)).records) == 2


def test_the_records_of_many_runs_are_merged(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MAX_RECORDS", 3)
    monkeypatch.setattr(indexing, "BYTES_PER_PART", 2000)
    store = tmp_path / "store"
    names = []
    for run in range(4):
        names.append(write_rows(store, some_images(10, first=10 * run)))
        add_index(spark, store, f"run {run}", used=(names[0],))

    contents = read_contents(str(store))
    [record] = contents.records.values()
    assert sorted(record.covers) == names
    assert len(record.keys) > 1
    assert len(record.replaces) == 3
    assert set(record.used) == {names[0]}
    assert places(find(spark, store, some_images(50))) == {
        path: (names[number // 10], number % 10) for number, (path, _) in enumerate(some_images(40))
    }


def test_a_record_whose_keys_are_gone_covers_nothing(spark: SparkSession, tmp_path: Path) -> None:
    store = tmp_path / "store"
    write_rows(store, some_images(3))
    add_index(spark, store)
    [keys] = (store / "_index").glob("*.parquet")
    keys.unlink()

    assert read_contents(str(store)).find_uncovered() == data_files(store)
    assert find(spark, store, some_images(5)).known == 3


def test_rows_of_files_that_are_gone_or_expired_are_missing(spark: SparkSession, tmp_path: Path) -> None:
    store = tmp_path / "store"
    gone, expired, kept = (write_rows(store, some_images(3, first=3 * file)) for file in range(3))
    add_index(spark, store)
    (store / gone).unlink()
    write_record(str(store), name_record("run"), Record(now(), expired={expired: now()}))

    assert set(places(find(spark, store, some_images(9)))) == {path for path, _ in some_images(3, first=6)}
    assert read_contents(str(store)).find_uncovered() == []
    assert find(spark, store, some_images(9)).used == {kept}


def test_an_empty_selection_of_a_store_has_nothing(spark: SparkSession, tmp_path: Path) -> None:
    store = tmp_path / "store"
    write_rows(store, some_images(3))
    found = find(spark, store, some_images(2, etag="other"))

    assert (found.known, found.used, places(found)) == (0, frozenset(), {})
    assert len(missing(found)) == 2


def test_two_runs_that_index_the_same_files_do_no_harm(spark: SparkSession, tmp_path: Path) -> None:
    store = tmp_path / "store"
    name = write_rows(store, some_images(3))
    contents = read_contents(str(store))
    update_index(spark.sparkContext, contents, "run 1", ())
    update_index(spark.sparkContext, contents, "run 2", ())

    assert len(read_contents(str(store)).records) == 2
    assert places(find(spark, store, some_images(4))) == {
        path: (name, row) for row, (path, _) in enumerate(some_images(3))
    }
