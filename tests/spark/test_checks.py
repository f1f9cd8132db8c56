import math
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.checks import VectorFaults, check_variance, check_vectors

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

    assert failed(tmp_path, rows) == {"finite": "1 rows hold a number that is NaN, infinite or missing"}


def test_a_missing_row_is_found(tmp_path: Path) -> None:
    assert failed(tmp_path, planted(19)) == {"row_count": "19 rows; 20 expected"}


@pytest.mark.parametrize("width", [49, 51, 0])
def test_a_row_of_another_width_is_found(tmp_path: Path, width: int) -> None:
    rows = planted()
    rows[3] = ("image-3", [1.0] * width)

    assert failed(tmp_path, rows) == {"dimensions": f"1 rows have not 50 numbers (one has {width})"}


def test_a_row_without_a_vector_is_found(tmp_path: Path) -> None:
    rows = planted()
    rows[3] = ("image-3", None)

    assert set(failed(tmp_path, rows)) == {"dimensions", "finite"}


@pytest.mark.parametrize("path", ["image-1", None])
def test_a_duplicate_or_missing_path_is_found(tmp_path: Path, path: str | None) -> None:
    rows = planted()
    rows[3] = (path, rows[3][1])

    assert set(failed(tmp_path, rows)) == {"unique_paths"}


def test_no_rows_at_all_are_found(tmp_path: Path) -> None:
    assert set(failed(tmp_path, [])) == {"row_count"}


@pytest.mark.parametrize(
    ("total", "minimum", "ok"),
    [(0.9, None, True), (0.9, 0.9, True), (0.9, 0.91, False), (math.nan, None, False), (1.1, None, False)],
)
def test_variance(total: float, minimum: float | None, ok: bool) -> None:
    assert check_variance(total, minimum).ok is ok
