"""Adds partial sums in the order of one binary tree, so that the result's bits do not depend on the number of tasks.

Rounding makes (a + b) + c differ from a + (b + c) in the last bits. Therefore only the files determine how rows are
divided into leaves. Each leaf is summed up from its first row to its last, and only siblings of the tree are added:
leaves 2k and 2k + 1 first, then the sums of such pairs, and so on (the order of a segmented reduction: Demmel and
Nguyen, Parallel reproducible summation, IEEE Transactions on Computers 64, 2015). A task adds up the siblings among its
own leaves and sends the sums that remain; the driver adds these in the same tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Generic, Protocol, Self, TypeVar

# The driver gets at most one sum for each leaf, of 6.6 MB for 1,280 dimensions. Spark accepts 1 GB in all
# (spark.driver.maxResultSize).
MAX_LEAVES = 96
# Adding a leaf's sum to another takes as long as summing up some 30 rows of 1,280 numbers.
MIN_ROWS_PER_LEAF = 1024


class Summable(Protocol):
    """A sum to which another one can be added."""

    def add(self, other: Self, /) -> None:
        """Add another sum to this one."""


Sum = TypeVar("Sum", bound=Summable)


@dataclass(frozen=True)
class Node(Generic[Sum]):
    """The sum of the leaves from `index` * 2^`level` up to the next node of that level."""

    level: int
    index: int
    value: Sum

    def is_left_of(self, other: "Node[Sum]") -> bool:
        """Return whether this node and the other one are the left and the right child of a node."""
        return self.level == other.level and self.index % 2 == 0 and self.index + 1 == other.index


class TreeSum(Generic[Sum]):
    """Adds nodes that arrive in the order of their leaves. `nodes` are the sums that have no sibling yet."""

    def __init__(self) -> None:
        self.nodes: list[Node[Sum]] = []

    def add(self, node: Node[Sum]) -> None:
        """Add the next node, and each pair of siblings that it completes."""
        self.nodes.append(node)
        while len(self.nodes) > 1 and self.nodes[-2].is_left_of(self.nodes[-1]):
            right, left = self.nodes.pop(), self.nodes.pop()
            left.value.add(right.value)
            self.nodes.append(Node(left.level + 1, left.index // 2, left.value))

    def total(self) -> Sum:
        """Return the sum of all leaves. The nodes without a sibling are added from the last to the first.

        Raises:
            IndexError: No node was added.
        """
        total = self.nodes[-1].value
        for node in self.nodes[-2::-1]:
            node.value.add(total)
            total = node.value
        return total


def split_into_leaves(rows: Sequence[int]) -> list[range]:
    """Divide row groups into leaves: consecutive row groups that have about the same number of rows together.

    Args:
        rows: The number of rows of each row group, at least 1.
    """
    total = sum(rows)
    count = max(1, min(MAX_LEAVES, total // MIN_ROWS_PER_LEAF))
    starts = [0, *accumulate(rows)]
    leaves = groupby(range(len(rows)), key=lambda group: starts[group] * count // total)
    return [range(groups[0], groups[-1] + 1) for groups in (list(leaf) for _, leaf in leaves)]
