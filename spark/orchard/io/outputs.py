"""Counts the files that a step writes, for the check of the results, which cannot read them all."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass
class Output:
    """The number of files of one kind, of rows in them, and of bytes."""

    files: int = 0
    rows: int = 0
    bytes: int = 0

    def add(self, rows: int, size: int) -> None:
        """Count a file."""
        self.files += 1
        self.rows += rows
        self.bytes += size


# By the folder of the files: parquet or csv.
Outputs = dict[str, Output]


def merge_outputs(parts: Iterable[Outputs]) -> Outputs:
    """Return the sums over all tasks."""
    total: Outputs = {}
    for part in parts:
        for kind, output in part.items():
            sum_of_kind = total.setdefault(kind, Output())
            sum_of_kind.files += output.files
            sum_of_kind.rows += output.rows
            sum_of_kind.bytes += output.bytes
    return total


def format_outputs(outputs: Outputs) -> dict[str, dict[str, int]]:
    """Return the JSON {"<folder>": {"files", "rows", "bytes"}}."""
    return {kind: asdict(output) for kind, output in sorted(outputs.items())}
