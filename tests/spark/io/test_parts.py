"""Common tools can read the files of a step's results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.io.outputs import Outputs, format_outputs, keep_reported, merge_outputs
from orchard.io.parts import PartFiles, PartWriter
from orchard.io.storage import locate_storage
from pyspark.sql import SparkSession

PATHS = [
    "s3://b/a b.jpg",
    's3://b/"quoted", 50%.jpg',
    "s3://b/\u00e9\U0001f34f.jpg",
    "s3://b/line\nbreak.jpg",
    "s3://b/'.jpg",
]
LABELS = ["Apple, red", 'the "best"', "\u00c9t\u00e9", "two\nlines", "=1+2"]
NUMBERS = [0.1, -1e-300, 1 / 3, 5e-324, 1.7976931348623157e308]

Row = tuple[str, str, list[float]]


@pytest.fixture(scope="module", params=["float32", "float64"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[Row]]:
    """Write two tasks' files like a step does; return the folder, the vectors' column and the rows."""
    folder = tmp_path_factory.mktemp("results")
    kind, column = (pa.float32(), "features") if request.param == "float32" else (pa.float64(), "pca_features")
    numbers = np.clip(NUMBERS, -3e38, 3e38).astype(np.float32).tolist() if kind == pa.float32() else NUMBERS
    rows = [(path, label, [number, -number]) for path, label, number in zip(PATHS, LABELS, numbers, strict=True)]
    schema = pa.schema([("path", pa.string()), ("label", pa.string()), (column, pa.list_(kind))])
    for task, part in enumerate((rows[:3], rows[3:])):
        writer = PartWriter(str(folder), locate_storage(str(folder)), task, 2, csv=True)
        batch = pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True)) for row in part], schema)
        writer.add(batch)
        writer.flush()
    return folder, column, rows


def collect(rows: Any) -> list[Row]:
    return sorted((str(path), str(label), [float(number) for number in vector]) for path, label, vector in rows)


def parse(rows: Any, kind: type[np.floating[Any]]) -> list[Row]:
    """Read the numbers of CSV as the type that they were written from."""
    return collect((path, label, [kind(number) for number in text.split(",")]) for path, label, text in rows)


def test_parquet_files(spark: SparkSession, written: tuple[Path, str, list[Row]]) -> None:
    folder, column, rows = written
    files, names = f"{folder}/parquet/*.parquet", ["path", "label", column]

    assert collect(duckdb.read_parquet(files).select(*names).fetchall()) == sorted(rows)
    assert collect(pl.read_parquet(files).select(names).iter_rows()) == sorted(rows)
    assert collect(pd.read_parquet(folder / "parquet")[names].itertuples(index=False)) == sorted(rows)
    assert collect(spark.read.parquet(f"{folder}/parquet").select(names).collect()) == sorted(rows)


def test_csv_files(spark: SparkSession, written: tuple[Path, str, list[Row]]) -> None:
    folder, column, rows = written
    files = [str(path) for path in sorted((folder / "csv").iterdir())]
    names = ["path", "label", f"{column}_string"]
    kind = np.float32 if column == "features" else np.float64

    assert parse(duckdb.read_csv(files, header=True, all_varchar=True).fetchall(), kind) == sorted(rows)
    assert parse(pl.concat(pl.read_csv(file, infer_schema=False) for file in files).iter_rows(), kind) == sorted(rows)
    frame = pd.concat(pd.read_csv(file, dtype=str, keep_default_na=False) for file in files)
    assert parse(frame[names].itertuples(index=False), kind) == sorted(rows)
    # Spark's defaults end a row at each line break, and expect \" for a quote.
    frames = spark.read.options(header=True, multiLine=True, escape='"').csv(f"{folder}/csv")
    assert parse(frames.select(names).collect(), kind) == sorted(rows)


def test_parquet_files_keep_athenas_rules(written: tuple[Path, str, list[Row]]) -> None:
    """Athena reads names of small letters, digits and _, ignores files that begin with _ or ., and needs one schema.

    https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html and parquet-serde.html; lists have
    the three levels of https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists.
    """
    folder, column, _ = written
    physical = "FLOAT" if column == "features" else "DOUBLE"

    for path in (folder / "parquet").iterdir():
        assert not path.name.startswith(("_", "."))
        file = pq.ParquetFile(path)
        columns = [file.schema.column(number) for number in range(3)]
        assert [(found.path, found.physical_type, str(found.logical_type)) for found in columns] == [
            ("path", "BYTE_ARRAY", "String"),
            ("label", "BYTE_ARRAY", "String"),
            (f"{column}.list.element", physical, "None"),
        ]
        assert {file.metadata.row_group(0).column(number).compression for number in range(3)} == {"SNAPPY"}


def write(folder: Path, task: int, text: bytes) -> Outputs:
    """Write a file of an attempt of a task, and return its report."""
    files = PartFiles(str(folder), locate_storage(str(folder)), task)
    files.write("csv", ".csv", pa.py_buffer(text), 1)
    return files.outputs


def test_only_the_files_of_reported_attempts_stay(tmp_path: Path) -> None:
    (tmp_path / "parquet").mkdir()
    (tmp_path / "parquet" / "part-00000-0000.snappy.parquet").write_bytes(b"of an earlier version")
    (tmp_path / "summary.json").write_bytes(b"x")
    write(tmp_path, 0, b"of a lost executor")
    reported = merge_outputs([write(tmp_path, 1, b"second"), write(tmp_path, 0, b"first")])
    write(tmp_path, 1, b"of an executor that goes on")

    keep_reported(str(tmp_path), reported, ("parquet", "csv"))

    assert [path.read_bytes() for path in sorted((tmp_path / "csv").iterdir())] == [b"first", b"second"]
    assert list((tmp_path / "parquet").iterdir()) == []
    assert (tmp_path / "summary.json").exists()


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"longer than before")])
def test_a_reported_file_that_is_gone_or_overwritten_is_an_error(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    reported = merge_outputs([write(tmp_path, 0, b"first"), write(tmp_path, 1, b"second")])
    [path] = (tmp_path / "csv").glob("part-00001-*")

    harm(path)

    with pytest.raises(JobError, match=rf"^1 of the 2 files .* or have another size, such as {path}: another attempt"):
        keep_reported(str(tmp_path), reported, ("csv",))


def test_the_writer_counts_what_it_writes(tmp_path: Path) -> None:
    outputs = []
    for task in range(2):
        writer = PartWriter(str(tmp_path), locate_storage(str(tmp_path)), task, 2, csv=True)
        schema = pa.schema([("path", pa.string()), ("label", pa.string()), ("features", pa.list_(pa.float32()))])
        for rows in range(task, 3):
            row = {"path": "a", "label": "b", "features": [1.0, 2.0]}
            writer.add(pa.RecordBatch.from_pylist([row] * rows, schema))
            writer.flush()
        outputs.append(writer.outputs)

    for kind, found in format_outputs(merge_outputs(outputs)).items():
        files = list((tmp_path / kind).iterdir())
        # One of the batches has no rows, and gives no file.
        assert found == {"files": len(files), "rows": 6, "bytes": sum(file.stat().st_size for file in files)}
        assert len(files) == 4


def test_a_writer_without_csv_counts_none(tmp_path: Path) -> None:
    writer = PartWriter(str(tmp_path), locate_storage(str(tmp_path)), 0, 2, csv=False)
    row = {"path": "a", "label": "b", "features": [1.0, 2.0]}
    schema = pa.schema([("path", pa.string()), ("label", pa.string()), ("features", pa.list_(pa.float32()))])

    writer.add(pa.RecordBatch.from_pylist([row], schema))
    writer.flush()

    assert set(writer.outputs) == {"parquet"}
