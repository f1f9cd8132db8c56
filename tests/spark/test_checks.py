import math
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.checks import Check, VectorFaults, check_variance, check_vectors, merge_faults, require
from orchard.errors import JobError

Row = tuple[str | None, list[Any] | None]
SCHEMA = pa.schema([("path", pa.string()), ("pca_features", pa.list_(pa.float64()))])


def planted(rows: int = 20) -> list[Row]:
    return [(f"image-{number}", [float(number + place) for place in range(50)]) for number in range(rows)]


def failed(folder: Path, rows: list[Row], expected: int = 20) -> dict[str, str]:
    faults = VectorFaults()
    for number, chunk in enumerate((rows[:5], rows[5:])):
        table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in chunk], SCHEMA)
        pq.write_table(table, folder / f"part-{number}.parquet")
        part = VectorFaults()
        for batch in table.to_batches():
            part.add(cast("pa.ListArray[Any]", batch.column(1)), 50)
        faults.merge(part)
    checks = check_vectors(str(folder), faults, expected, 50)
    assert [check.name for check in checks] == ["row_count", "dimensions", "finite", "unique_paths"]
    return {check.name: check.detail for check in checks if not check.ok}


def test_good_vectors_pass(tmp_path: Path) -> None:
    assert failed(tmp_path, planted()) == {}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_one_number_that_is_not_finite_is_found(tmp_path: Path, value: float | None) -> None:
    rows = planted()
    rows[7] = ("image-7", [*[1.0] * 49, value])

    assert failed(tmp_path, rows) == {"finite": "1 row with a number that is NaN, infinite or missing"}


@pytest.mark.parametrize("rows", [19, 21])
def test_a_missing_or_additional_row_is_found(tmp_path: Path, rows: int) -> None:
    assert failed(tmp_path, planted(rows)) == {"row_count": f"{rows} rows; 20 expected"}


def test_missing_vectors_and_numbers_that_are_not_finite_are_counted_together(tmp_path: Path) -> None:
    rows = planted()
    rows[7], rows[8], rows[9] = ("image-7", [math.nan] * 50), ("image-8", None), ("image-9", None)

    assert failed(tmp_path, rows) == {
        "dimensions": "2 rows without 50 numbers (one has -1)",
        "finite": "3 rows with a number that is NaN, infinite or missing",
    }


@pytest.mark.parametrize("width", [49, 51, 0])
def test_a_row_of_another_width_is_found(tmp_path: Path, width: int) -> None:
    rows = planted()
    rows[3] = ("image-3", [1.0] * width)

    assert failed(tmp_path, rows) == {"dimensions": f"1 row without 50 numbers (one has {width})"}


def test_a_row_without_a_vector_is_found(tmp_path: Path) -> None:
    rows = planted()
    rows[3] = ("image-3", None)

    assert set(failed(tmp_path, rows)) == {"dimensions", "finite"}


@pytest.mark.parametrize("path", ["image-1", None])
def test_a_duplicate_or_missing_path_is_found(tmp_path: Path, path: str | None) -> None:
    rows = planted()
    rows[3] = (path, rows[3][1])

    assert failed(tmp_path, rows) == {"unique_paths": "1 row with the path of another row, or none"}


def test_no_rows_at_all_are_found(tmp_path: Path) -> None:
    assert set(failed(tmp_path, [])) == {"row_count"}


def test_a_folder_without_files_lacks_every_row(tmp_path: Path) -> None:
    checks = check_vectors(str(tmp_path), VectorFaults(), 20, 50)

    assert [check.detail for check in checks if not check.ok] == ["0 rows; 20 expected"]


def test_the_details_of_good_vectors(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in planted(2)], SCHEMA)
    pq.write_table(table, tmp_path / "part.parquet")

    assert [check.detail for check in check_vectors(str(tmp_path), VectorFaults(), 2, 50)] == [
        "2 rows; 2 expected",
        "every row has 50 numbers",
        "every number is finite",
        "every path occurs exactly once",
    ]


def test_the_faults_of_all_parts_are_added() -> None:
    parts = [VectorFaults(1, 49, 2), VectorFaults(), VectorFaults(3, 7, 4), VectorFaults(1, 51, 0)]

    assert merge_faults(parts) == VectorFaults(5, 7, 6)
    assert merge_faults([]) == VectorFaults(0, None, 0)


def test_results_are_refused_with_every_failed_check() -> None:
    good, bad, worse = Check("a", True, "fine"), Check("b", False, "1 row"), Check("c", False, "2 rows")

    require([good], "s3://data/runs/run-1")
    with pytest.raises(JobError, match=r"^the results in out are not valid: failed check: b \(1 row\)$"):
        require([good, bad], "out")
    with pytest.raises(JobError, match=r"^the results in out are not valid: failed checks: b \(1 row\), c \(2 rows\)$"):
        require([bad, good, worse], "out")


@pytest.mark.parametrize(
    ("total", "minimum", "ok"),
    [
        (0.9, None, True),
        (0.9, 0.9, True),
        (0.9, 0.8, True),
        (0.9, 0.91, False),
        (0.0, None, True),
        (-1e-9, None, False),
        (1 + 5e-10, None, True),
        (1 + 2e-9, None, False),
        (1.1, None, False),
        (math.nan, None, False),
        (math.inf, None, False),
    ],
)
def test_variance(total: float, minimum: float | None, ok: bool) -> None:
    assert check_variance(total, minimum).ok is ok


def test_the_details_of_the_variance() -> None:
    assert check_variance(0.9, None).detail == "0.900000 of the variance is explained; no minimum is set"
    assert check_variance(0.9, 0.95).detail == "0.900000 of the variance is explained; at least 0.95 is needed"
