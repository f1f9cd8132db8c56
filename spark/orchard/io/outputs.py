"""Counts the files that a step writes, and removes the others from its folders.

The tasks report their files. The driver therefore knows which files belong to the results. The Lambda function that
checks the results cannot read them all, but compares their number and size with the reported ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchard.errors import JobError
from orchard.io.storage import open_storage
from orchard.io.uri import join


@dataclass
class Output:
    """The files of one folder: the size of each in bytes, by name, and the number of rows in all."""

    sizes: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(self.sizes.values())

    def add(self, name: str, rows: int, size: int) -> None:
        """Add a file."""
        self.sizes[name] = size
        self.rows += rows

    def merge(self, other: "Output") -> None:
        """Add the files of another task."""
        self.sizes |= other.sizes
        self.rows += other.rows


# By the name of the folder, such as parquet or csv.
Outputs = dict[str, Output]


def merge_outputs(parts: Iterable[Outputs]) -> Outputs:
    """Return the files of all tasks."""
    total: Outputs = {}
    for part in parts:
        for kind, output in part.items():
            total.setdefault(kind, Output()).merge(output)
    return total


def format_outputs(outputs: Outputs) -> dict[str, dict[str, int]]:
    """Return the JSON {"<folder>": {"files", "rows", "bytes"}}."""
    return {
        kind: {"files": len(output.sizes), "rows": output.rows, "bytes": output.bytes}
        for kind, output in sorted(outputs.items())
    }


def keep_reported(folder: str, outputs: Outputs, kinds: Iterable[str]) -> None:
    """Remove the files in the folders `kinds` of `folder` that no successful task has reported.

    Such a file comes from an earlier driver's attempt at the step, or from a task whose result Spark has dropped: the
    task ran twice, or continued after Spark had given up its executor.

    Raises:
        JobError: A reported file is missing or has another size, because something else writes to the folder.
    """
    storage = open_storage(folder)
    for kind in kinds:
        files = storage.list_files(join(folder, kind), deep=True)
        found = {file.path: file.size_bytes for file in files}
        output = outputs.get(kind, Output())
        reported = {join(folder, kind, name): size for name, size in output.sizes.items()}
        storage.remove_files([path for path in found if path not in reported])
        wrong = [path for path, size in reported.items() if found.get(path) != size]
        if wrong:
            raise JobError(
                f"{len(wrong)} of the {len(reported)} files that tasks have written are missing or have another size, "
                f"such as {wrong[0]}: another attempt at this step runs at the same time, or somebody removes files"
            )
