"""Lists the images of label folders in a task, and chooses the candidates for the run's selection."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from typing import NamedTuple

import pyarrow as pa

from orchard.arrow import prepare_worker
from orchard.io import parts
from orchard.io.backend import StoredFile
from orchard.io.storage import locate_storage
from orchard.io.uri import join
from orchard.plan import Plan
from orchard.progress import Progress
from orchard.selection import digest

METADATA_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("s3_path", "label", "filename", "split", "modification_time"), pa.string()),
    "file_size_bytes": pa.int64(),
}
METADATA_SCHEMA = pa.schema(METADATA_COLUMNS)
SELECTION_COLUMNS: dict[str, pa.DataType] = {
    "path": pa.string(),
    "label": pa.string(),
    "size": pa.int64(),
    "mtime": pa.timestamp("us", "UTC"),
    "etag": pa.string(),
}
SELECTION_SCHEMA = pa.schema(SELECTION_COLUMNS)


class LabelFolder(NamedTuple):
    """One `<split>/<label>` folder of the image tree."""

    split: str
    label: str
    uri: str


class FolderCount(NamedTuple):
    """The number of images in one label folder, and their size."""

    split: str
    label: str
    images: int
    bytes: int


class Listing(NamedTuple):
    """The result of one task."""

    # the task's folders that have images
    counts: list[FolderCount]
    # rows of SELECTION_SCHEMA: the images of the selected labels; with a limit, at most that many of each folder
    candidates: pa.Table
    # the digest of each candidate; empty without a limit
    digests: list[str]


def make_listing_task(plan: Plan, progress: Progress) -> Callable[[int, Iterable[LabelFolder]], Iterator[Listing]]:
    """Make the function that lists the images of a partition's folders and writes them to inventory/metadata."""
    done = progress.done
    rule, limit = plan.selection_rule, plan.selection_rule.limit
    folder_uri = join(plan.run, "inventory", "metadata")
    images_storage, storage = locate_storage(plan.image_tree), locate_storage(plan.run)

    def list_images(task: int, folders: Iterable[LabelFolder]) -> Iterator[Listing]:
        prepare_worker()
        found = [(folder, list(images_storage.list_images(folder.uri))) for folder in folders]
        rows = [make_metadata_row(folder, file) for folder, files in found for file in files]
        done.add(len(rows))
        if rows:
            parts.write_csv(pa.Table.from_pylist(rows, METADATA_SCHEMA), folder_uri, task, storage)
        candidates, digests = [], []
        for folder, files in found:
            if not rule.selects(folder.label):
                continue
            if limit is None:
                candidates += [make_selection_row(folder, file) for file in files]
                continue
            # The selection never has more images of one folder than the limit, so the others need not be sent.
            first = heapq.nsmallest(
                limit, ((digest(folder.split, folder.label, file.name), n) for n, file in enumerate(files))
            )
            candidates += [make_selection_row(folder, files[n]) for _, n in first]
            digests += [text for text, _ in first]
        counts = [
            FolderCount(folder.split, folder.label, len(files), sum(file.size_bytes for file in files))
            for folder, files in found
            if files
        ]
        yield Listing(counts, pa.Table.from_pylist(candidates, SELECTION_SCHEMA), digests)

    return list_images


def make_metadata_row(folder: LabelFolder, file: StoredFile) -> dict[str, object]:
    """Return a row of METADATA_SCHEMA; its time is in UTC."""
    return {
        "s3_path": file.path,
        "label": folder.label,
        "filename": file.name,
        "split": folder.split,
        "modification_time": file.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "file_size_bytes": file.size_bytes,
    }


def make_selection_row(folder: LabelFolder, file: StoredFile) -> dict[str, object]:
    """Return a row of SELECTION_SCHEMA; its size is in bytes."""
    return {
        "path": file.path,
        "label": folder.label,
        "size": file.size_bytes,
        "mtime": file.modified,
        "etag": file.etag,
    }
