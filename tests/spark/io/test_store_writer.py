"""The files that a task adds to the features store."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from orchard.io import store
from orchard.io.storage import locate_storage
from orchard.io.store import ROWS_PER_FILE, StoreWriter
from orchard.jobs.extraction import RESULTS_SCHEMA


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


def test_a_file_is_written_as_soon_as_it_is_full(tmp_path: Path) -> None:
    writer = writer_to(tmp_path)
    most = [str(number) for number in range(ROWS_PER_FILE - 1)]

    writer.add(results(most), list(most))
    assert files(tmp_path) == []
    writer.add(results(["last"]), ["last"])
    [file] = files(tmp_path)
    assert pq.read_table(file).num_rows == ROWS_PER_FILE

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
    assert store.find_known(None, str(tmp_path / "store"), str(tmp_path)) is None  # type: ignore[arg-type]
