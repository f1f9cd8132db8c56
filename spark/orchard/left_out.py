"""Counts the files that are not images of a tree, and keeps the first paths of each reason."""

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from orchard.io import parts

# The rows of inventory/leftout.csv: enough to recognize a pattern, in memory that does not grow with the tree.
MOST_LISTED = 2000


class LeftOut(NamedTuple):
    """A file that is not an image of the tree. The reasons are those of `TreeRules`."""

    path: str
    reason: str


class LeftOutFiles:
    """The number of files by reason, and the first ones of each reason by path."""

    def __init__(self, most: int = MOST_LISTED) -> None:
        """Begin without files.

        Args:
            most: The number of paths to keep of each reason.
        """
        self.reasons: Counter[str] = Counter()
        self._most = most
        self._first: dict[str, list[str]] = {}

    def add(self, files: Iterable[LeftOut]) -> None:
        """Add files."""
        paths: dict[str, list[str]] = {}
        for file in files:
            paths.setdefault(file.reason, []).append(file.path)
        for reason, found in paths.items():
            self.add_counted(reason, len(found), found)

    def add_counted(self, reason: str, count: int, examples: Iterable[str]) -> None:
        """Add `count` files of a reason. `examples` needs to have only the first of their paths."""
        self.reasons[reason] += count
        self._first[reason] = heapq.nsmallest(self._most, [*self._first.get(reason, []), *examples])

    def merge(self, other: "LeftOutFiles") -> None:
        """Add the files of another task."""
        for reason, count in other.reasons.items():
            self.add_counted(reason, count, other._first[reason])

    def first_of(self, reason: str) -> list[str]:
        """Return the first paths of a reason. Bytes that are not UTF-8 are written as \\udcxx."""
        return [path.encode(errors="backslashreplace").decode() for path in self._first[reason]]

    def format(self) -> pa.Buffer:
        """Format the first files of all reasons as CSV: path, reason."""
        all_files = (LeftOut(path, reason) for reason in self.reasons for path in self.first_of(reason))
        files = heapq.nsmallest(self._most, all_files)
        columns = [pa.array([file[n] for file in files], pa.string()) for n in range(2)]
        return parts.format_csv(pa.table(columns, ["path", "reason"]))
