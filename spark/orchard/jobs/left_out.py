"""Counts the files that are not images of the tree, and keeps the first of them for inventory/leftout.csv."""

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from orchard.io import parts

# The rows of leftout.csv: enough to recognize a pattern, in memory that does not grow with the tree.
MOST_LISTED = 2000


class LeftOut(NamedTuple):
    """A file that is not an image of the tree. The reasons are those of `TreeRules`."""

    path: str
    reason: str


class LeftOutFiles:
    """The number of files by reason, and the first ones by path."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self._listed: list[LeftOut] = []

    def add(self, files: Iterable[LeftOut]) -> None:
        """Add files."""
        added = list(files)
        self.reasons.update(file.reason for file in added)
        self._keep(added)

    def add_counted(self, reason: str, count: int, examples: Iterable[str]) -> None:
        """Add files of which only the first are known by their path."""
        self.reasons[reason] += count
        self._keep([LeftOut(path, reason) for path in examples])

    def merge(self, other: "LeftOutFiles") -> None:
        """Add the files of another task."""
        self.reasons += other.reasons
        self._keep(other._listed)

    def _keep(self, files: list[LeftOut]) -> None:
        if files:
            self._listed = heapq.nsmallest(MOST_LISTED, [*self._listed, *files])

    def format(self) -> pa.Buffer:
        """Format the first files as CSV: path, reason. Bytes that are not UTF-8 are written as \\udcxx."""
        paths = [file.path.encode(errors="backslashreplace").decode() for file in self._listed]
        reasons = [file.reason for file in self._listed]
        columns = [pa.array(paths, pa.string()), pa.array(reasons, pa.string())]
        return parts.format_csv(pa.table(columns, ["path", "reason"]))
