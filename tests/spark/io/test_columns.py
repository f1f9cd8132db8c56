import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from orchard.io.columns import BadVectorError, is_vector, to_matrix

EXPECTED = np.array([[1, 0, 2.5], [0, 4, 0.125]])


def npy(row: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, row)
    return content.getvalue()


def dense(row: Any) -> dict[str, Any]:
    return {"type": 1, "size": None, "indices": None, "values": row}


def sparse(row: Any) -> dict[str, Any]:
    places = [place for place, number in enumerate(row) if number != 0]
    return {"type": 0, "size": len(row), "indices": places, "values": [row[place] for place in places]}


SPARK_VECTOR = pa.struct(
    [
        pa.field("type", pa.int8()),
        pa.field("size", pa.int32()),
        pa.field("indices", pa.list_(pa.int32())),
        pa.field("values", pa.list_(pa.float64())),
    ]
)
ROWS: list[Any] = EXPECTED.tolist()
COLUMNS: dict[str, tuple["pa.Array[Any]", str | None]] = {
    "list of float": (pa.array(ROWS, pa.list_(pa.float32())), None),
    "list of half": (pa.array([[np.float16(number) for number in row] for row in ROWS], pa.list_(pa.float16())), None),
    "list of decimal": (pa.array(ROWS, pa.list_(pa.float64())).cast(pa.list_(pa.decimal128(9, 3))), None),
    "large list": (pa.array(ROWS, pa.large_list(pa.float64())), None),
    "fixed-size list": (pa.array(ROWS, pa.list_(pa.float64(), 3)), None),
    "tensor": (
        pa.FixedShapeTensorArray.from_storage(
            pa.fixed_shape_tensor(pa.float32(), [3]), pa.array(ROWS, pa.list_(pa.float32(), 3))
        ),
        None,
    ),
    "tensor of two dimensions": (
        pa.FixedShapeTensorArray.from_storage(
            pa.fixed_shape_tensor(pa.float32(), [3, 1]), pa.array(ROWS, pa.list_(pa.float32(), 3))
        ),
        None,
    ),
    "dense vectors": (pa.array([dense(row) for row in ROWS], SPARK_VECTOR), None),
    "sparse vectors": (pa.array([sparse(row) for row in ROWS], SPARK_VECTOR), None),
    "both": (pa.array([sparse(ROWS[0]), dense(ROWS[1])], SPARK_VECTOR), None),
    "npy": (pa.array([npy(row) for row in EXPECTED], pa.binary()), None),
    "bytes": (pa.array([row.astype("<f4").tobytes() for row in EXPECTED], pa.large_binary()), "float32"),
    "fixed-size bytes": (pa.array([row.astype("<f8").tobytes() for row in EXPECTED], pa.binary(24)), "float64"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_form_gives_the_same_numbers(name: str) -> None:
    column, dtype = COLUMNS[name]
    assert is_vector(column.type)

    # A batch of a larger array has an offset.
    twice = pa.concat_arrays([column, column])
    for chosen in (column, twice.slice(2)):
        np.testing.assert_array_equal(to_matrix(chosen, None, dtype), EXPECTED)


@pytest.mark.parametrize("kind", [pa.uint8(), pa.int32(), pa.int64()])
def test_whole_numbers(kind: pa.DataType) -> None:
    assert to_matrix(pa.array([[1, 2], [3, 4]], pa.list_(kind))).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.float64(),
        pa.list_(pa.string()),
        pa.list_(pa.list_(pa.float32())),
        pa.struct([pa.field("values", pa.list_(pa.float64()))]),
    ],
    ids=str,
)
def test_other_types_are_no_vectors(kind: pa.DataType) -> None:
    assert not is_vector(kind)


def lists(*rows: Any, kind: pa.DataType | None = None) -> "pa.Array[Any]":
    return pa.array(rows, kind or pa.list_(pa.float64()))


GOOD = [1.0, 2.0]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (lists(GOOD, None), "are missing"),
        (lists(GOOD, None, kind=pa.list_(pa.float64(), 2)), "are missing"),
        (lists(GOOD, [1.0]), "are 1 numbers; 2 are needed, as in the first row"),
        (lists(GOOD, [1.0, None]), "have a missing number at index 1"),
        (lists(GOOD, [1.0, float("nan")]), "have nan at index 1; numbers must be finite, and at most 1e"),
        (lists(GOOD, [float("-inf"), 1.0], kind=pa.list_(pa.float32())), "have -inf at index 0"),
        (lists(GOOD, [float("inf"), 1.0], kind=pa.list_(pa.float32())), "have inf at index 0"),
        (lists(GOOD, [1e200, 1.0]), "have 1e\\+200 at index 0"),
        (lists(dense(GOOD), None, kind=SPARK_VECTOR), "are missing"),
        (lists(dense(GOOD), dense([1.0]), kind=SPARK_VECTOR), "are 1 numbers; 2"),
        (lists(dense(GOOD), sparse([0.0, 0.0, 1.0]), kind=SPARK_VECTOR), "are 3 numbers; 2"),
        (lists(dense(GOOD), {**sparse(GOOD), "indices": [0, 2]}, kind=SPARK_VECTOR), "have an index outside of 0 to 1"),
        (lists(dense(GOOD), {**sparse(GOOD), "indices": [0]}, kind=SPARK_VECTOR), "do not have one index for each"),
        (lists(npy(GOOD), None, kind=pa.binary()), "are missing"),
        (lists(npy(GOOD), npy([1.0]), kind=pa.binary()), "are 1 numbers; 2"),
        (lists(npy(GOOD), npy(["a", "b"]), kind=pa.binary()), "have the dtype <U1; numbers are needed"),
        (lists(npy(GOOD), npy(GOOD)[:-1], kind=pa.binary()), "cannot be read as a NumPy array"),
        (lists(npy(GOOD), b"abcdefgh", kind=pa.binary()), "are bytes without a .npy header; declare their dtype"),
    ],
)
def test_a_vector_that_cannot_be_used_is_refused_with_its_row(column: "pa.Array[Any]", reason: str) -> None:
    with pytest.raises(BadVectorError, match=reason) as caught:
        to_matrix(column)

    assert caught.value.row == 1


def test_the_first_vector_may_be_the_wrong_one() -> None:
    firsts: list[list[float] | None] = [[], None]
    for first in firsts:
        with pytest.raises(BadVectorError) as caught:
            to_matrix(lists(first, GOOD))
        assert caught.value.row == 0
    with pytest.raises(BadVectorError, match="are 1 numbers; 2 are needed"):
        to_matrix(lists([1.0], GOOD), 2)
