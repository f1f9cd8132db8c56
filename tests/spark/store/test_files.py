"""The files that a task adds to the features store, and what a task reads of them. Needs no Spark session."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.io.storage import locate_storage
from orchard.jobs.extraction import RESULTS_SCHEMA
from orchard.store.lookup import PLACES_SCHEMA, look_up
from orchard.store.reading import make_read_task
from orchard.store.writing import StoreWriter


def writer_to(folder: Path, run_id: str = "run 1") -> StoreWriter:
    return StoreWriter(str(folder), locate_storage(str(folder)), run_id)


def results(paths: list[str]) -> pa.RecordBatch:
    """Rows of usable images, except for the paths that begin with "bad"."""
    rows = [
        {
            "path": path,
            "label": "Apple",
            "features": None if path.startswith("bad") else [1.0, 2.0],
            "reason": "text, not an image" if path.startswith("bad") else None,
        }
        for path in paths
    ]
    return pa.RecordBatch.from_pylist(rows, RESULTS_SCHEMA)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def test_a_row_whose_content_was_not_read_is_not_stored(tmp_path: Path) -> None:
    writer = writer_to(tmp_path)

    writer.add(results(["a", "gone", "bad"]), ["1", None, "3"])
    writer.flush()

    [file] = files(tmp_path)
    assert pq.read_table(file).to_pylist() == [
        {"path": "a", "etag": "1", "features": [1.0, 2.0], "reason": None},
        {"path": "bad", "etag": "3", "features": None, "reason": "text, not an image"},
    ]


def test_no_file_is_written_without_rows(tmp_path: Path) -> None:
    writer = writer_to(tmp_path)

    writer.flush()
    writer.add(results(["gone"]), [None])
    writer.flush()

    assert files(tmp_path) == []


def test_a_file_with_more_rows_than_it_needs_is_written_as_well(tmp_path: Path) -> None:
    paths = [str(number) for number in range(1025)]

    writer_to(tmp_path).add(results(paths), list(paths))

    assert len(files(tmp_path)) == 1


def test_a_file_is_written_as_soon_as_it_is_full(tmp_path: Path) -> None:
    writer = writer_to(tmp_path)
    # docs/contracts.md promises files of at most 1,024 rows and one batch.
    most = [str(number) for number in range(1023)]

    writer.add(results(most), list(most))
    assert files(tmp_path) == []
    writer.add(results(["last"]), ["last"])
    [file] = files(tmp_path)
    assert pq.read_table(file).num_rows == 1024

    writer.flush()
    assert files(tmp_path) == [file]
    writer.add(results(["next"]), ["next"])
    writer.flush()
    [_, second] = files(tmp_path)
    assert second.name > file.name
    assert pq.read_table(second).column("path").to_pylist() == ["next"]


def test_the_names_of_two_runs_files_differ_and_are_safe(tmp_path: Path) -> None:
    for run_id in ("../run/1", "../run/2"):
        writer = writer_to(tmp_path, run_id)
        writer.add(results(["a"]), ["1"])
        writer.flush()

    names = [file.name.split("-") for file in files(tmp_path)]
    assert len(names) == 2
    assert len({run for _, run, _, _ in names}) == 2
    assert {task for _, _, task, _ in names} == {"00000"}


def test_a_store_without_files_knows_nothing(tmp_path: Path) -> None:
    # No Spark session is needed to see that a store is empty.
    assert look_up(None, str(tmp_path / "store"), str(tmp_path), 1) is None  # type: ignore[arg-type]


class Count:
    """Stands in for an accumulator."""

    def __init__(self) -> None:
        self.value = 0

    def add(self, more: int) -> None:
        self.value += more


def store_file(folder: Path, paths: list[str]) -> str:
    """Write a file of the store; return its name."""
    before = set(files(folder))
    writer = writer_to(folder)
    writer.add(results(paths), ["1"] * len(paths))
    writer.flush()
    [new] = set(files(folder)) - before
    return new.name


def places(*rows: tuple[str, str, str, int]) -> pa.Table:
    """Places of usable images, as a lookup returns them."""
    names = PLACES_SCHEMA.names
    return pa.Table.from_pylist([dict(zip(names, (*row, False), strict=True)) for row in rows], PLACES_SCHEMA)


def test_a_task_reads_its_rows_of_each_file_and_counts_them(tmp_path: Path) -> None:
    one, two = store_file(tmp_path, ["a", "bad b", "c"]), store_file(tmp_path, ["d", "e", "bad f", "bad g"])
    progress: Any = SimpleNamespace(done=Count(), errors=Count())
    read = make_read_task(str(tmp_path), RESULTS_SCHEMA, progress)
    # The labels come from the selection: an image may have moved since.
    first = places(("a", "Pear", one, 0), ("bad b", "Plum", one, 1))
    second = places(("d", "Pear", two, 0), ("e", "Pear", two, 1), ("bad g", "Pear", two, 3))

    batches = list(read([first, second]))

    assert [changed for _, changed in batches] == [0, 0]
    assert [batch.schema for batch, _ in batches] == [RESULTS_SCHEMA, RESULTS_SCHEMA]
    assert [row for batch, _ in batches for row in batch.to_pylist()] == [
        {"path": "a", "label": "Pear", "features": [1.0, 2.0], "reason": None},
        {"path": "bad b", "label": "Plum", "features": None, "reason": "text, not an image"},
        {"path": "d", "label": "Pear", "features": [1.0, 2.0], "reason": None},
        {"path": "e", "label": "Pear", "features": [1.0, 2.0], "reason": None},
        {"path": "bad g", "label": "Pear", "features": None, "reason": "text, not an image"},
    ]
    assert (progress.done.value, progress.errors.value) == (5, 2)


@pytest.mark.parametrize("path", ["A", "b"])
def test_a_task_refuses_a_file_whose_rows_are_of_other_images(tmp_path: Path, path: str) -> None:
    name = store_file(tmp_path, ["a"])
    progress: Any = SimpleNamespace(done=Count(), errors=Count())
    read = make_read_task(str(tmp_path), RESULTS_SCHEMA, progress)

    with pytest.raises(JobError, match=f"{name} has changed since it was listed; delete it, or start"):
        list(read([places((path, "Apple", name, 0))]))
    assert progress.done.value == 0


def test_a_task_refuses_rows_that_a_file_does_not_have_and_files_that_are_gone(tmp_path: Path) -> None:
    name = store_file(tmp_path, ["a"])
    progress: Any = SimpleNamespace(done=Count(), errors=Count())
    read = make_read_task(str(tmp_path), RESULTS_SCHEMA, progress)

    with pytest.raises(JobError, match=f"{name} has changed since it was listed"):
        list(read([places(("b", "Apple", name, 1))]))
    with pytest.raises(JobError, match=r"gone\.parquet does not exist any more; start again"):
        list(read([places(("b", "Apple", "gone.parquet", 0))]))
