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
from orchard.tree import is_folder_marker

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
    """One `<split>/<label>` folder of the image tree; the split is empty in a tree without splits."""

    split: str
    label: str
    uri: str


class FolderCount(NamedTuple):
    """The number of images in one label folder, and their size."""

    split: str
    label: str
    images: int
    bytes: int


class LeftOut(NamedTuple):
    """A file that is not an image of the tree. The reasons are those of `TreeRules`."""

    path: str
    reason: str


class Listing(NamedTuple):
    """The result of one task."""

    # the task's folders that have images
    counts: list[FolderCount]
    # rows of SELECTION_SCHEMA: the images of the selected labels; with a limit, at most that many of each folder
    candidates: pa.Table
    # the digest of each candidate; empty without a limit
    digests: list[str]
    left_out: list[LeftOut]


def make_listing_task(plan: Plan, progress: Progress) -> Callable[[int, Iterable[LabelFolder]], Iterator[Listing]]:
    """Make the function that lists the images of a partition's folders and writes them to inventory/metadata."""
    done = progress.done
    rule, limit = plan.selection_rule, plan.selection_rule.limit
    folder_uri = join(plan.run, "inventory", "metadata")
    images_storage, storage = locate_storage(plan.image_tree), locate_storage(plan.run)

    def list_images(task: int, folders: Iterable[LabelFolder]) -> Iterator[Listing]:
        prepare_worker()
        found: list[tuple[LabelFolder, list[StoredFile]]] = []
        left_out: list[LeftOut] = []
        for folder in folders:
            images, others = sort_out(plan, images_storage.list_files(folder.uri, deep=True))
            found.append((folder, images))
            left_out += others
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
            first = heapq.nsmallest(limit, ((digest(key_in_tree(plan, file)), n) for n, file in enumerate(files)))
            candidates += [make_selection_row(folder, files[n]) for _, n in first]
            digests += [text for text, _ in first]
        counts = [
            FolderCount(folder.split, folder.label, len(files), sum(file.size_bytes for file in files))
            for folder, files in found
            if files
        ]
        yield Listing(counts, pa.Table.from_pylist(candidates, SELECTION_SCHEMA), digests, left_out)

    return list_images


def key_in_tree(plan: Plan, file: StoredFile) -> str:
    """Return a file's path from the root of the image tree."""
    return file.path.removeprefix(f"{plan.image_tree}/")


def sort_out(plan: Plan, files: Iterable[StoredFile]) -> tuple[list[StoredFile], list[LeftOut]]:
    """Separate the images of the tree from the files that are left out."""
    images, others = [], []
    for file in files:
        key = key_in_tree(plan, file)
        if is_folder_marker(key, file.size_bytes):
            continue
        reason = plan.tree.reason_to_leave_out(key)
        if reason is None:
            images.append(file)
        else:
            others.append(LeftOut(file.path, reason))
    return images, others


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
