"""Turns a column of vectors into a matrix.

The accepted forms are lists of numbers (list, large_list, fixed_size_list), Arrow's tensors of a fixed shape, vectors
of Spark ML (VectorUDT: dense, sparse or both), and binary: whole .npy files, or the numbers' bytes in a declared dtype.
"""

import io
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from orchard.moments import Rows
from orchard.pca import LARGEST

FORMS = "a list of numbers, a fixed-shape tensor, a Spark ML vector, or the bytes of a NumPy array"
# https://github.com/apache/spark/blob/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/linalg/VectorUDT.scala
SPARK_VECTOR = ("type", "size", "indices", "values")
NPY_MAGIC = b"\x93NUMPY"
# The dtypes that bytes may have. Names without a byte order mean little-endian, as nearly every machine writes.
DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

Lengths = npt.NDArray[np.int64]
Vectors: TypeAlias = "pa.Array[Any]"


class BadVectorError(Exception):
    """A row's vector cannot be used: `row` counts from 0 in the column, `reason` follows the row's name."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(f"row {row}: {reason}")
        self.row = row
        self.reason = reason


def is_vector(kind: pa.DataType) -> bool:
    """Return whether a column of this type can hold vectors."""
    if isinstance(kind, pa.FixedShapeTensorType):
        kind = kind.storage_type
    if is_list(kind):
        return is_number(kind.value_type)  # type: ignore[attr-defined]
    if pa.types.is_struct(kind):
        return sorted(kind.field(number).name for number in range(kind.num_fields)) == sorted(SPARK_VECTOR)
    return is_binary(kind)


def is_list(kind: pa.DataType) -> bool:
    """Return whether a type is one of Arrow's lists that Parquet files can hold."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def is_number(kind: pa.DataType) -> bool:
    """Return whether a type is numeric."""
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def is_binary(kind: pa.DataType) -> bool:
    """Return whether a type holds bytes."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def to_matrix(column: Vectors, dimensions: int | None = None, dtype: str | None = None) -> Rows:
    """Return a column of at least one vector as an array (rows, dimensions).

    Args:
        column: A column of a type that `is_vector`.
        dimensions: The length that each vector must have; the first one's by default.
        dtype: One of DTYPES, for bytes.

    Raises:
        BadVectorError: A vector is missing or has another length, or a number is missing, NaN, infinite or larger than
            LARGEST in magnitude.
    """
    source: Vectors = column.storage if isinstance(column, pa.ExtensionArray) else column
    if is_list(source.type):
        found = _from_lists(source, dimensions)
    elif pa.types.is_struct(source.type):
        found = _from_spark(source, dimensions)
    else:
        found = _from_bytes(source, dimensions, dtype)
    # NaN makes both comparisons false. In float32, LARGEST would be infinite.
    if not (float(found.min()) >= -LARGEST and float(found.max()) <= LARGEST):
        _refuse_numbers(found)
    return found


def _from_lists(column: Vectors, dimensions: int | None) -> Rows:
    lists: Any = column
    if pa.types.is_fixed_size_list(lists.type):
        lengths = np.where(lists.is_valid(), lists.type.list_size, -1)
    else:
        lengths = np.asarray(lists.value_lengths().fill_null(-1))
    width = _check_lengths(lengths, dimensions)
    values = lists.flatten()
    if values.null_count:
        _refuse_missing(values, width)
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    found: Rows = values.to_numpy(zero_copy_only=False).reshape(len(column), width)
    return found


def _from_spark(column: Vectors, dimensions: int | None) -> Rows:
    """Return vectors of Spark ML: type 1 is dense; type 0 is sparse, with a size and the indices of its values."""
    # flatten, unlike field, makes the fields of a missing vector null, too.
    vectors: Any = column
    fields = vectors.flatten()
    kinds, sizes, indices, values = (fields[vectors.type.get_field_index(name)] for name in SPARK_VECTOR)
    dense = np.asarray(kinds.fill_null(1)) == 1
    counts = np.asarray(values.value_lengths().fill_null(-1))
    lengths = np.where(dense | (counts < 0), counts, np.asarray(sizes.fill_null(-1)))
    width = _check_lengths(lengths, dimensions)
    unequal = np.asarray(indices.value_lengths().fill_null(0)) != np.where(dense, 0, counts)
    if unequal.any():
        raise BadVectorError(int(unequal.argmax()), "do not have one index for each value")
    numbers, positions = values.flatten(), indices.flatten()
    if numbers.null_count or positions.null_count:
        raise BadVectorError(0, "or those of a later row have a missing number")
    rows = np.repeat(np.arange(len(column)), counts)
    places = np.empty(len(rows), np.int64)
    of_dense = np.repeat(dense, counts)
    places[of_dense] = np.tile(np.arange(width), int(dense.sum()))
    places[~of_dense] = positions.to_numpy(zero_copy_only=False)
    outside = (places < 0) | (places >= width)
    if outside.any():
        raise BadVectorError(int(rows[outside.argmax()]), f"have an index outside of 0 to {width - 1}")
    found = np.zeros((len(column), width))
    found[rows, places] = numbers.to_numpy(zero_copy_only=False)
    return found


def _from_bytes(column: Vectors, dimensions: int | None, dtype: str | None) -> Rows:
    vectors = [_read_bytes(row, content, dtype) for row, content in enumerate(column.to_pylist())]
    _check_lengths(np.array([-1 if vector is None else vector.size for vector in vectors]), dimensions)
    return np.stack([vector for vector in vectors if vector is not None])


def _read_bytes(row: int, content: bytes | None, dtype: str | None) -> Rows | None:
    """Return the numbers (n,) of a .npy file, or of bytes in the given dtype."""
    if content is None:
        return None
    try:
        if content.startswith(NPY_MAGIC):
            numbers: Rows = np.load(io.BytesIO(content), allow_pickle=False).ravel()
        elif dtype is None:
            raise BadVectorError(row, f"are bytes without a .npy header; declare their dtype: {', '.join(DTYPES)}")
        else:
            numbers = np.frombuffer(content, np.dtype(dtype).newbyteorder("<"))
    except (ValueError, EOFError) as error:
        raise BadVectorError(row, f"cannot be read as a NumPy array ({error})") from None
    if numbers.dtype.kind not in "fiu":
        raise BadVectorError(row, f"have the dtype {numbers.dtype}; numbers are needed")
    return numbers


def _check_lengths(lengths: Lengths, dimensions: int | None) -> int:
    """Return the length that all vectors have. A length of -1 stands for a missing vector.

    Raises:
        BadVectorError: A vector is missing, empty or of another length.
    """
    width = int(lengths[0]) if dimensions is None else dimensions
    wrong = lengths != width if width > 0 else lengths == width
    if wrong.any():
        row = int(wrong.argmax())
        needed = f"; {width} are needed, as in the first row" if width > 0 else ""
        raise BadVectorError(row, "are missing" if lengths[row] < 0 else f"are {lengths[row]} numbers{needed}")
    return width


def _refuse_missing(values: Vectors, width: int) -> None:
    place = int(np.asarray(values.is_null()).argmax())
    raise BadVectorError(place // width, f"have a missing number at index {place % width}")


def _refuse_numbers(found: Rows) -> None:
    row, place = np.argwhere(~(np.abs(found.astype(np.float64)) <= LARGEST))[0].tolist()
    raise BadVectorError(
        row, f"have {found[row, place]} at index {place}; numbers must be finite, and at most {LARGEST:g} in magnitude"
    )
