"""Small files are merged into large ones. No run notices, even if another run is killed or continues at any moment."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.io.local import LocalStorage
from orchard.store import compaction, indexing
from orchard.store.compaction import Group, compact, delete_unneeded, merge_files, plan_compaction
from orchard.store.indexing import update_index
from orchard.store.maintenance import maintain
from orchard.store.reading import read_rows
from orchard.store.records import Record, name_record, read_contents, write_record
from pyspark.sql import SparkSession

from .made import data_files, some_images, write_rows
from .test_index import find

LONG_AGO = datetime.now(UTC) - timedelta(days=4)


def age(store: Path, days: float, *names: str) -> None:
    """Make files look as if they had been written some days ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    for name in names:
        os.utime(store / name, (then, then))


def values(spark: SparkSession, store: Path, images: int) -> dict[str, list[float]]:
    """Look up images, and read the features of those that the store has."""
    found = find(spark, store, some_images(images))
    files = LocalStorage().open_filesystem()
    return {
        place["path"]: row["features"]
        for table in found.read_places(2).collect()
        for places, rows in read_rows(files, str(store), table, ["features"])
        for place, row in zip(places.to_pylist(), rows.to_pylist(), strict=True)
    }


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three files count as many."""
    monkeypatch.setattr(compaction, "MANY_FILES", 3)


def fill(store: Path) -> dict[str, list[float]]:
    """Write six files, and return the features that count: the last file has newer ones for the first one's images."""
    expected = {}
    for file in (0, 1, 2, 3, 4, 0):
        value = float(len(data_files(store)))
        images = some_images(4, first=4 * file)
        write_rows(store, images, "old", value)
        expected.update({path: [value, float(row)] for row, (path, _) in enumerate(images)})
    age(store, 4, *data_files(store))
    return expected


def test_small_files_are_merged_in_their_order(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    expected = fill(store)
    small = data_files(store)
    size = (store / small[0]).stat().st_size
    monkeypatch.setattr(compaction, "TARGET_BYTES", 3 * size)

    maintain(spark.sparkContext, str(store), "run", ())

    large = sorted(set(data_files(store)) - set(small))
    assert [pq.read_metadata(store / name).num_rows for name in large] == [12, 12]
    assert [name.partition("-")[0] for name in large] == [small[n].partition("-")[0] for n in (2, 5)]
    found = find(spark, store, some_images(20))
    assert found.used == set(large)
    assert values(spark, store, 24) == expected

    # The small ones stay for three days, for runs that began before.
    assert set(small) < set(data_files(store))
    records = {name: record for name, record in read_contents(str(store)).records.items() if record.moved}
    [(name, record)] = records.items()
    (store / name).unlink()
    moved = {old: move._replace(at=LONG_AGO.isoformat()) for old, move in record.moved.items()}
    write_record(str(store), name_record("run"), Record(record.at, moved=moved))
    delete_unneeded(read_contents(str(store)))
    assert data_files(store) == large
    assert values(spark, store, 24) == expected


def test_files_of_runs_that_may_go_on_are_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "store"
    fill(store)
    others = [write_rows(store, some_images(2, first=100 + number), "other") for number in range(3)]
    own = [write_rows(store, some_images(2, first=200 + number), "mine") for number in range(2)]

    groups = plan_compaction(read_contents(str(store)), "mine")

    assert [group.inputs for group in groups] == [tuple(sorted(data_files(store))[:6]), tuple(own)]
    assert not {name for group in groups for name in group.inputs} & set(others)


def test_few_small_files_stay(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for number in range(2):
        write_rows(store, some_images(2, first=2 * number))
    age(store, 4, *data_files(store))

    assert plan_compaction(read_contents(str(store)), "run") == []


def test_a_merged_file_with_missing_rows_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    names = [write_rows(store, some_images(2, first=2 * number)) for number in range(2)]
    monkeypatch.setattr(pq.ParquetWriter, "write_table", lambda self, table: None)

    with pytest.raises(JobError, match="would have 0 rows, and its 2 inputs have 4"):
        merge_files(str(store), LocalStorage(), Group(tuple(names), "20260101T000000.000000Z-x.parquet"))
    assert data_files(store) == names


class KilledError(Exception):
    """Stands for the end of a run between two operations."""


class Switch:
    """Lets a number of writes and deletions happen in the driver, then stops the run before the next one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 1000
        for name in ("write_bytes", "write_buffer", "remove_files"):
            monkeypatch.setattr(LocalStorage, name, self.wrap(getattr(LocalStorage, name)))

    def wrap(self, operation: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            if self.left == 0:
                raise KilledError
            self.left -= 1
            left, self.left = self.left, 1000  # writing a buffer calls write_bytes
            operation(*arguments)
            self.left = left

        return run


class Inline:
    """A context whose tasks run in the driver, where the switch can stop them."""

    defaultParallelism = 1  # noqa: N815

    def parallelize(self, items: list[Any], _: int) -> "Inline":
        self.items = items
        return self

    def map(self, function: Callable[[Any], Any]) -> "Inline":
        self.items = [function(item) for item in self.items]
        return self

    def collect(self) -> list[Any]:
        return self.items


def merge_and_clean(store: Path, run: str) -> None:
    """Do what a run does after its index has been written."""
    contents = read_contents(str(store))
    compact(Inline(), contents, run)  # type: ignore[arg-type]
    delete_unneeded(read_contents(str(store)))


# Two merged files, the record of them, and the deletions.
OPERATIONS = 4


@pytest.mark.parametrize("operations", range(OPERATIONS + 1))
@pytest.mark.parametrize("is_late", [False, True])
def test_a_run_that_is_killed_or_stopped_between_two_operations_loses_nothing(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operations: int, *, is_late: bool
) -> None:
    store = tmp_path / "store"
    expected = fill(store)
    monkeypatch.setattr(compaction, "TARGET_BYTES", 3 * (store / data_files(store)[0]).stat().st_size)
    # If `is_late`, deletions happen at once, which is the hardest case.
    monkeypatch.setattr(compaction, "GRACE", timedelta(days=-1 if is_late else 3))
    update_index(spark.sparkContext, read_contents(str(store)), "run 0", ())
    before = read_contents(str(store))
    switch = Switch(monkeypatch)

    switch.left = operations
    with pytest.raises(KilledError) if operations < OPERATIONS else nullcontext():
        merge_and_clean(store, "run 1")
    switch.left = 1000
    assert values(spark, store, 24) == expected

    # Another run has listed the store before the first one began, and merges the same files.
    if not is_late:
        compact(Inline(), before, "run 2")  # type: ignore[arg-type]
        assert values(spark, store, 24) == expected
    update_index(spark.sparkContext, read_contents(str(store)), "run 3", ())
    merge_and_clean(store, "run 3")
    assert values(spark, store, 24) == expected


def test_merged_records_know_where_rows_have_moved(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    expected = fill(store)
    maintain(spark.sparkContext, str(store), "run 1", ())
    monkeypatch.setattr(indexing, "MAX_RECORDS", 1)
    write_rows(store, some_images(1, first=20), "run 2")
    update_index(spark.sparkContext, read_contents(str(store)), "run 2", ())

    contents = read_contents(str(store))
    assert len(contents.records) == 1
    assert len(contents.moved) == 6
    assert values(spark, store, 20) == expected
    # The replaced records go later.
    monkeypatch.setattr(compaction, "GRACE", timedelta(days=-1))
    delete_unneeded(contents)
    assert len(list((store / "_index").glob("*.json"))) == 1
    assert values(spark, store, 20) == expected


def test_files_that_no_run_uses_any_more_expire(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "MANY_FILES", 100)
    store = tmp_path / "store"
    idle, used, young = (write_rows(store, some_images(2, first=2 * number)) for number in range(3))
    age(store, 91, idle, used)
    maintain(spark.sparkContext, str(store), "run", (used,))

    assert set(read_contents(str(store)).expired) == {idle}
    assert data_files(store) == [idle, used, young]
    found = find(spark, store, some_images(6))
    assert found.used == {used, young}

    contents = read_contents(str(store))
    [(name, record)] = [(name, record) for name, record in contents.records.items() if record.expired]
    (store / name).unlink()
    write_record(str(store), name_record("run"), Record(record.at, expired={idle: LONG_AGO.isoformat()}))
    maintain(spark.sparkContext, str(store), "next", (used,))
    assert data_files(store) == [used, young]
