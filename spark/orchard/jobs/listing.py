"""Lists the images of an image tree in tasks, which write their metadata and the candidates for the run's selection."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from orchard.arrow import prepare_worker
from orchard.io import parts
from orchard.io.backend import Storage, StoredFile
from orchard.io.key_ranges import KeyRange
from orchard.io.outputs import Output
from orchard.io.storage import locate_storage
from orchard.io.uri import join
from orchard.left_out import LeftOut, LeftOutFiles
from orchard.pack.reading import locate_images
from orchard.plan import Plan
from orchard.progress import Progress
from orchard.selection import digest, select_evenly
from orchard.tree import TreeRules, is_folder_marker

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
# `digest` is computed from the path below the tree's root.
CANDIDATES_SCHEMA = SELECTION_SCHEMA.append(pa.field("digest", pa.string()))

# A folder in the inventory's folder. The job removes it when it has written the selection.
CANDIDATES_FOLDER = "candidates"

# A task lists this many pages of 1,000 keys of a range. It hands back the rest, split into several ranges.
PAGES_PER_RANGE = 32
# Rows that a worker keeps before it writes a file: some 20 MB. A task with more images writes several files.
ROWS_PER_FILE = 20_000
# If the selection's limit is at most this, a task keeps only the candidates that the limit may select. Otherwise all
# images of the selected labels are candidates.
SMALL_LIMIT = 20_000


class Image(NamedTuple):
    """An image of the tree; the split is empty in a tree without splits."""

    split: str
    label: str
    digest: str
    file: StoredFile


@dataclass
class Listing:
    """The result of one task."""

    # (split, label) to the number of images and their bytes
    counts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    left_out: LeftOutFiles = field(default_factory=LeftOutFiles)
    # files that were added or overwritten after the plan
    later: int = 0
    # the files of inventory/metadata, and of CANDIDATES_FOLDER
    metadata: Output = field(default_factory=Output)
    candidates: Output = field(default_factory=Output)
    # ranges that are not listed yet
    rest: list[KeyRange] = field(default_factory=list)

    def merge(self, other: "Listing") -> None:
        """Add the result of another task, except for its rest."""
        for key, (images, size) in other.counts.items():
            before = self.counts.get(key, (0, 0))
            self.counts[key] = (before[0] + images, before[1] + size)
        self.left_out.merge(other.left_out)
        self.later += other.later
        self.metadata.merge(other.metadata)
        self.candidates.merge(other.candidates)


class RowWriter:
    """Writes a task's rows of inventory/metadata and of the candidates, a file at a time."""

    def __init__(self, plan: Plan, storage: Storage, task: int, listing: Listing) -> None:
        self._rule = plan.selection_rule
        limit = self._rule.limit
        self._small_limit = limit if limit is not None and limit <= SMALL_LIMIT else None
        self._files = parts.PartFiles(join(plan.run, "inventory"), storage, task)
        self._listing = listing
        self._metadata: list[Image] = []
        self._candidates: list[Image] = []

    def add(self, images: list[Image]) -> None:
        """Add images. Images of the selected labels are also candidates."""
        self._metadata += images
        self._candidates += [image for image in images if self._rule.selects(image.label)]
        if len(self._metadata) >= ROWS_PER_FILE:
            self._write_metadata()
        if len(self._candidates) >= ROWS_PER_FILE + (self._small_limit or 0):
            self._drop_candidates()
            if self._small_limit is None:
                self._write_candidates()

    def finish(self) -> None:
        """Write the rows that are left, and report the files in the listing."""
        self._write_metadata()
        self._drop_candidates()
        self._write_candidates()
        outputs = self._files.outputs
        self._listing.metadata = outputs.get("metadata", Output())
        self._listing.candidates = outputs.get(CANDIDATES_FOLDER, Output())

    def _drop_candidates(self) -> None:
        """Drop the candidates that the limit cannot select. Images of other tasks only reduce this task's share."""
        if self._small_limit is not None:
            labels = [image.label for image in self._candidates]
            digests = [image.digest for image in self._candidates]
            kept = select_evenly(labels, digests, self._small_limit)
            self._candidates = [self._candidates[position] for position in kept]

    def _write_metadata(self) -> None:
        if not self._metadata:
            return
        table = pa.Table.from_pylist([make_metadata_row(image) for image in self._metadata], METADATA_SCHEMA)
        self._files.write_csv("metadata", table)
        self._metadata = []

    def _write_candidates(self) -> None:
        if not self._candidates:
            return
        rows = [make_candidate_row(image) for image in self._candidates]
        content = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, CANDIDATES_SCHEMA), content)
        self._files.write(CANDIDATES_FOLDER, ".parquet", content.getvalue(), len(rows))
        self._candidates = []


def make_listing_task(
    plan: Plan, progress: Progress, first_task: int
) -> Callable[[int, Iterable[KeyRange]], Iterator[Listing]]:
    """Make the function that lists the ranges of a partition.

    Args:
        plan: The plan.
        progress: Counts the images.
        first_task: The number of partition 0; task numbers become file names.
    """
    done = progress.done
    images_storage, storage = locate_images(plan), locate_storage(plan.run)

    def list_ranges(partition: int, ranges: Iterable[KeyRange]) -> Iterator[Listing]:
        prepare_worker()
        listing = Listing()
        writer = RowWriter(plan, storage, first_task + partition, listing)
        for files in ranges:
            for number, page in enumerate(images_storage.list_range(files), 1):
                images = sort_out(plan, page, listing)
                writer.add(images)
                done.add(len(images))
                if number == PAGES_PER_RANGE and images_storage.splits_ranges and page:
                    listing.rest += images_storage.split_range(KeyRange(files.prefix, page[-1].path))
                    break
        writer.finish()
        yield listing

    return list_ranges


def sort_out(plan: Plan, files: Iterable[StoredFile], listing: Listing) -> list[Image]:
    """Return the images among files, and count them and the others in the listing."""
    images, others = [], []
    for file in files:
        key = file.path.removeprefix(f"{plan.image_tree}/")
        if is_folder_marker(key, file.size_bytes):
            continue
        reason = plan.tree.reason_to_leave_out(key)
        if reason is not None:
            others.append(LeftOut(file.path, reason))
        # An image of a pack has the time of its original file, and the clock of that computer may have been wrong.
        elif not plan.packed and is_later(file, plan.planned_at):
            listing.later += 1
        else:
            images.append(make_image(plan.tree, key, file))
    listing.left_out.add(others)
    for image in images:
        place = (image.split, image.label)
        count, size = listing.counts.get(place, (0, 0))
        listing.counts[place] = (count + 1, size + image.file.size_bytes)
    return images


def is_later(file: StoredFile, planned_at: datetime | None) -> bool:
    """Return whether a file was written after the plan, so that it belongs to the next run. S3 lists whole seconds."""
    return planned_at is not None and file.modified.replace(microsecond=0) > planned_at


def make_image(tree: TreeRules, key: str, file: StoredFile) -> Image:
    """Return the image with this path from the tree's root."""
    *folders, _ = key.split("/")
    return Image(folders[0] if len(tree.layout.split("/")) > 1 else "", folders[-1], digest(key), file)


def make_metadata_row(image: Image) -> dict[str, object]:
    """Return a row of METADATA_SCHEMA; its time is in UTC."""
    return {
        "s3_path": image.file.path,
        "label": image.label,
        "filename": image.file.name,
        "split": image.split,
        "modification_time": image.file.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "file_size_bytes": image.file.size_bytes,
    }


def make_candidate_row(image: Image) -> dict[str, object]:
    """Return a row of CANDIDATES_SCHEMA; its size is in bytes."""
    return {
        "path": image.file.path,
        "label": image.label,
        "size": image.file.size_bytes,
        "mtime": image.file.modified,
        "etag": image.file.etag,
        "digest": image.digest,
    }
