from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchard.moments import Factor, Moments
from orchard.tree_sum import MAX_LEAVES, MIN_ROWS_PER_LEAF, Node, TreeSum, split_into_leaves

Rows = npt.NDArray[np.float64]


def sum_up(leaves: list[Rows], kind: type[Moments] | type[Factor], cuts: list[int]) -> tuple[list[int], bytes]:
    """Sum up the leaves in tasks that end at the cuts; return the numbers of nodes that the tasks send, and the sum."""
    pilot = np.zeros(leaves[0].shape[1])
    driver: TreeSum[Moments | Factor] = TreeSum()
    sent = []
    for start, end in pairwise([0, *cuts, len(leaves)]):
        task: TreeSum[Moments | Factor] = TreeSum()
        for number in range(start, end):
            part = kind.zero(pilot)
            part.add_rows(leaves[number])
            task.add(Node(0, number, part))
        sent.append(len(task.nodes))
        for node in task.nodes:
            driver.add(node)
    total = driver.total()
    return sent, (total.gramian if isinstance(total, Moments) else total.triangle).tobytes()


@pytest.mark.parametrize("kind", [Moments, Factor])
@given(st.integers(1, 40), st.lists(st.integers(0, 40), max_size=8), st.integers(0, 2**32))
def test_the_bits_do_not_depend_on_the_tasks(
    kind: type[Moments] | type[Factor], count: int, cuts: list[int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    leaves = list(random.normal(size=(count, 7, 3)) * 10.0 ** random.integers(-8, 8, (count, 1, 1)))

    sent, total = sum_up(leaves, kind, sorted(min(cut, count) for cut in cuts))

    assert total == sum_up(leaves, kind, [])[1]
    # A range of n leaves consists of at most 2 log2(n) nodes of a binary tree.
    assert max(sent) <= max(1, 2 * count.bit_length())


def test_every_leaf_counts_once() -> None:
    for count in range(1, 20):
        tree: TreeSum[Moments] = TreeSum()
        for number in range(count):
            part = Moments.zero(np.zeros(1))
            part.add_rows(np.array([[2.0**number]]))
            tree.add(Node(0, number, part))
        assert tree.total().total.tolist() == [2.0**count - 1]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=300))
def test_leaves_are_consecutive_row_groups_with_about_the_same_number_of_rows(rows: list[int]) -> None:
    leaves = split_into_leaves(rows)

    assert [group for leaf in leaves for group in leaf] == list(range(len(rows)))
    assert len(leaves) <= min(MAX_LEAVES, max(1, sum(rows) // MIN_ROWS_PER_LEAF))
    wanted = sum(rows) / max(1, min(MAX_LEAVES, sum(rows) // MIN_ROWS_PER_LEAF))
    assert max(sum(rows[group] for group in leaf) for leaf in leaves) <= wanted + max(rows)


def test_a_few_rows_are_one_leaf_and_many_row_groups_are_no_more_than_the_driver_can_take() -> None:
    assert split_into_leaves([256, 256, 44]) == [range(3)]
    assert len(split_into_leaves([2048] * 5000)) == MAX_LEAVES
