from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchard.report.copies import (
    MAX_COMPARED,
    MAX_EXAMPLES,
    NEAR_SHARE,
    compare_etags,
    find_exact_copies,
    find_near_copies,
)
from orchard.report.neighbours import find_neighbours

# Size and etag of each file.
FILES = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "c-2"])), max_size=12)


def batches(files: list[tuple[int, str]]) -> Iterator[pa.RecordBatch]:
    """Yield a selection in batches of 5 files, whose paths are their numbers."""
    numbered = list(enumerate(files))
    for start in range(0, len(files), 5):
        part = numbered[start : start + 5]
        yield pa.RecordBatch.from_pydict(
            {
                "path": [f"{number:05d}" for number, _ in part],
                "size": [size for _, (size, _) in part],
                "etag": [etag for _, (_, etag) in part],
            }
        )


@given(FILES)
def test_a_file_with_the_size_and_etag_of_an_earlier_one_is_its_copy(files: list[tuple[int, str]]) -> None:
    expected = [
        (f"{files.index(file):05d}", f"{number:05d}")
        for number, file in enumerate(files)
        if file[0] > 0 and files.index(file) < number
    ]

    found = compare_etags(lambda: batches(files))

    assert (found.pairs, found.examples) == (len(expected), expected)


def test_examples_of_many_copies_are_the_first_ones() -> None:
    files = [(1, f"{number % 150}") for number in range(450)]

    found = compare_etags(lambda: batches(files))

    assert found.pairs == 300
    assert len(found.examples) == MAX_EXAMPLES
    assert found.examples[0] == ("00000", "00150")


def test_copies_are_found_in_the_files_of_a_selection(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_batches(batches([(1, "a"), (1, "b"), (1, "a")])), tmp_path / "part-0.parquet")

    found = find_exact_copies(str(tmp_path), 3)

    assert found is not None
    assert found.examples == [("00000", "00002")]


def test_copies_are_unknown_without_a_selection_and_for_too_many_images(tmp_path: Path) -> None:
    assert find_exact_copies(str(tmp_path / "none"), 3) is None
    pq.write_table(pa.Table.from_batches(batches([(1, "a")])), tmp_path / "part-0.parquet")
    assert find_exact_copies(str(tmp_path), MAX_COMPARED + 1) is None


def test_pairs_much_closer_than_others_are_near_copies() -> None:
    rows = np.array([[0.0], [10.0], [10.5], [20.0], [30.0], [40.0], [40.9], [50.0]])
    paths = [str(number) for number in range(len(rows))]

    found = find_near_copies(find_neighbours(rows), paths)

    # The nearest distances are 10, 0.5, 0.5, 9.5, 10, 0.9, 0.9 and 9.1.
    assert found.bound == pytest.approx(NEAR_SHARE * (0.9 + 9.1) / 2)
    assert (found.pairs, found.examples) == (1, [("1", "2", 0.5)])


def test_equal_images_are_near_copies_even_if_most_are_equal() -> None:
    found = find_near_copies(find_neighbours(np.zeros((3, 2))), ["a", "b", "c"])

    assert (found.bound, found.pairs) == (0, 3)
    assert found.examples == [("a", "b", 0), ("a", "c", 0), ("b", "c", 0)]


def test_a_single_image_has_no_near_copies() -> None:
    assert find_near_copies(find_neighbours(np.zeros((1, 2))), ["a"]).pairs == 0
