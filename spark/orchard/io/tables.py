"""Tables as bytes, in which Spark passes them between tasks."""

from typing import Any

import pyarrow as pa


def to_bytes(table: pa.Table) -> bytes:
    """Return a table in Arrow's streaming format."""
    content = pa.BufferOutputStream()
    with pa.ipc.new_stream(content, table.schema) as writer:
        writer.write_table(table)
    return content.getvalue().to_pybytes()


def from_bytes(content: bytes) -> pa.Table:
    """Return the table that `to_bytes` has formatted."""
    return pa.ipc.open_stream(content).read_all()


def to_list(column: "pa.Array[Any] | pa.ChunkedArray[Any]") -> list[Any]:
    """Return a column without nulls as Python objects. Only the caller knows their type."""
    return column.to_pylist()
