from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.io.vectors import Column, find_features
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

EXPECTED = np.random.default_rng(5).normal(size=(30, 4))


def write(path: Path, features: "pa.Array[Any] | list[Any]", name: str = "features", **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"s3://b/{row}.jpg" for row in range(len(features))]
    table = pa.table({"path": names, "label": ["a"] * len(features), name: features, **columns})
    pq.write_table(table, path, row_group_size=7)


def read(uri: Path, column: Column | None = None) -> Any:
    features = find_features(str(uri), column or Column())
    return np.concatenate(list(features.read(range(len(features.groups)), features.read_sample(1).shape[1])))


def test_forms_that_only_the_files_metadata_tell(tmp_path: Path) -> None:
    fixed = pa.array(EXPECTED.tolist(), pa.list_(pa.float64(), 4))
    tensor = pa.FixedShapeTensorArray.from_storage(pa.fixed_shape_tensor(pa.float64(), [2, 2]), fixed)
    large = fixed.cast(pa.large_list(pa.float64()))
    for number, column in enumerate((fixed, tensor, large)):
        write(tmp_path / "features" / f"part-{number}.parquet", column)

    found = read(tmp_path / "features")

    np.testing.assert_array_equal(found, np.concatenate([EXPECTED] * 3))


def test_vectors_that_spark_writes(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        (f"{number}", "a", Vectors.dense(row) if number % 2 else Vectors.sparse(4, [1, 3], row[[1, 3]]))
        for number, row in enumerate(EXPECTED)
    ]
    spark.createDataFrame(rows, ["path", "label", "embedding"]).write.parquet(str(tmp_path / "features"))

    found = read(tmp_path / "features", Column("embedding"))

    expected = EXPECTED.copy()
    expected[::2, [0, 2]] = 0
    np.testing.assert_array_equal(found, expected)


def test_bytes_in_a_declared_dtype(tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", [row.tobytes() for row in EXPECTED], name="vector.bytes")

    np.testing.assert_array_equal(read(tmp_path / "one.parquet", Column("vector.bytes", "float64")), EXPECTED)
    with pytest.raises(JobError, match=r"one\.parquet cannot be used: the features of s3://b/0\.jpg are bytes without"):
        read(tmp_path, Column("vector.bytes"))


def test_names_of_any_type_that_is_text_or_a_number(tmp_path: Path) -> None:
    labels = {"int": pa.array([1, 2]), "dictionary": pa.array(["1", "2"]).dictionary_encode()}
    for name, label in {**labels, "large": pa.array(["1", "2"], pa.large_string())}.items():
        write(tmp_path / f"{name}.parquet", EXPECTED[:2].tolist(), label=label)
    features = find_features(str(tmp_path))

    for _, (paths, found) in features.read_named(range(len(features.groups)), 4):
        assert paths.to_pylist() == ["s3://b/0.jpg", "s3://b/1.jpg"]
        assert (found.type, found.to_pylist()) == (pa.string(), ["1", "2"])


def test_an_empty_table_among_others_is_no_error(tmp_path: Path) -> None:
    write(tmp_path / "0.parquet", pa.array([], pa.list_(pa.float64())))
    write(tmp_path / "1.parquet", EXPECTED.tolist())

    np.testing.assert_array_equal(read(tmp_path), EXPECTED)


def test_the_image_is_named_behind_the_first_batch_and_row_group(tmp_path: Path) -> None:
    rows = np.zeros((5000, 2))
    rows[[3210, 4800]] = np.nan
    table = pa.table({"path": [f"{row}" for row in range(5000)], "label": ["a"] * 5000, "features": rows.tolist()})
    pq.write_table(table, tmp_path / "one.parquet", row_group_size=2500)
    pq.write_table(table, tmp_path / "two.parquet", row_group_size=5000)

    for file in ("one", "two"):
        with pytest.raises(JobError, match=rf"{file}\.parquet cannot be used: .* of 3210 have nan at"):
            read(tmp_path / f"{file}.parquet")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def garble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b""), "cannot be read as Parquet .*0 bytes.*; write it again, or move it"),
        (lambda path: path.write_bytes(b"path,label,features\n" * 9), "cannot be read as Parquet"),
        (truncate, "cannot be read as Parquet"),
        (garble, "cannot be read as Parquet"),
        (
            lambda path: pq.write_table(pa.table({"path": ["a"], "label": ["a"], "vector": [[1.0]]}), path),
            r"has no column features; needed are path, label and features, and it has path, label, vector; --column",
        ),
        (
            lambda path: pq.write_table(
                pa.table([["a"], ["b"], ["c"], [[1.0]]], ["path", "path", "label", "features"]), path
            ),
            "has 2 columns path",
        ),
        (
            lambda path: write(path, ["0.1,0.2"]),
            "has the column features of type string; needed is a list of numbers, a",
        ),
        (
            lambda path: write(path, [[[1.0]]]),
            "has the column features of type list<.*list<.*; needed is a list of numb",
        ),
        (lambda path: write(path, EXPECTED[:1].tolist(), label=[["a"]]), "cannot be read as Parquet .*cast"),
        (lambda path: write(path, [[1.0] * 3]), r"cannot be used: the features of s3://b/0\.jpg are 3 numbers; 4 are"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, damage: Any, message: str) -> None:
    for number in range(3):
        write(tmp_path / f"part-{number}.parquet", EXPECTED.tolist())
    damage(tmp_path / "part-1.parquet")

    with pytest.raises(JobError, match=rf"^{tmp_path}/part-1\.parquet {message}") as caught:
        features = find_features(str(tmp_path))
        list(features.read_named(range(len(features.groups)), 4))

    assert "\n" not in str(caught.value)
