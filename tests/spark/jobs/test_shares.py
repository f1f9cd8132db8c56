from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchard.jobs.shares import cut_into_pieces, read_selection
from pyspark.sql import SparkSession


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=5), st.data())
def test_the_pieces_of_shares_are_all_rows_in_order(sizes: list[list[int]], data: st.DataObject) -> None:
    left, shares = sum(sum(groups) for groups in sizes), []
    while left > 0:
        shares.append(data.draw(st.integers(1, left)))
        left -= shares[-1]

    pieces = cut_into_pieces([(str(file), groups) for file, groups in enumerate(sizes)], shares)

    assert [sum(piece.end - piece.start for piece in share) for share in pieces] == shares
    rows = [
        (piece.path, piece.group, row) for share in pieces for piece in share for row in range(piece.start, piece.end)
    ]
    assert rows == [
        (str(file), group, row)
        for file, groups in enumerate(sizes)
        for group, rows in enumerate(groups)
        for row in range(rows)
    ]


@pytest.mark.parametrize("shares", [[10], [4, 4, 2], [1] * 10])
def test_each_share_has_its_own_rows_of_all_files(spark: SparkSession, tmp_path: Path, shares: list[int]) -> None:
    rows = [(f"/{number}.jpg", f"label {number % 2}", f"etag {number}", number) for number in range(10)]
    for file, part in enumerate((rows[:7], rows[7:])):
        columns = [list(column) for column in zip(*part, strict=True)]
        table = pa.table(columns, ["path", "label", "etag", "size"])
        pq.write_table(table, tmp_path / f"part-{file}.parquet", row_group_size=3)

    read = read_selection(spark.sparkContext, str(tmp_path), shares)

    assert read.glom().map(len).collect() == shares
    assert read.collect() == rows
