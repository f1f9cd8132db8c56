"""The inventory job: what images there are, and which of them the run uses."""

import csv
import hashlib
import heapq
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import SparkContext

from orchard.arrow import prepare_worker
from orchard.errors import JobError
from orchard.io import parts, storage
from orchard.io.storage import StoredFile
from orchard.plan import Plan
from orchard.progress import Progress
from orchard.selection import digest, is_in_mode, take
from orchard.session import cores

COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("s3_path", "label", "filename", "split", "modification_time"), pa.string()),
    "file_size_bytes": pa.int64(),
}
METADATA = pa.schema(COLUMNS)
SELECTED: dict[str, pa.DataType] = {
    "path": pa.string(),
    "label": pa.string(),
    "size": pa.int64(),
    "mtime": pa.timestamp("us", "UTC"),
    "etag": pa.string(),
}
SELECTION = pa.schema(SELECTED)
# How many names an error message lists.
NAMES_SHOWN = 20


class LabelFolder(NamedTuple):
    """One `<split>/<label>` folder."""

    split: str
    label: str
    uri: str


class FolderCount(NamedTuple):
    """What is in one of them."""

    split: str
    label: str
    images: int
    bytes: int


class Listing(NamedTuple):
    """What one task found: its folders that have images, and of those images the ones that the run may use."""

    counts: list[FolderCount]
    # rows of SELECTION; with a limit, that many of each folder at most
    candidates: pa.Table
    # their digests when there is a limit
    digests: list[str]


def run(context: SparkContext, plan: Plan, progress: Progress) -> None:
    """Writes inventory/{metadata,stats,selection,summary.json}.

    Raises:
        JobError: there are no images, or the mode selects none.
    """
    folders = find_folders(plan.source, plan.splits)
    inventory = storage.join(plan.run, "inventory")
    for name in ("metadata", "selection"):
        storage.remove_folder(storage.join(inventory, name))
    # A folder is one LIST call or more, whatever its size; small tasks even that out.
    tasks = max(1, min(len(folders), 4 * cores(context)))
    listings = context.parallelize(folders, tasks).mapPartitionsWithIndex(listing(plan, progress)).collect()

    counts = sorted(count for listed in listings for count in listed.counts)
    everything = {
        "images": sum(count.images for count in counts),
        "labels": len({count.label for count in counts}),
        "bytes": sum(count.bytes for count in counts),
    }
    progress.begin(everything["images"])
    if not counts:
        raise JobError(f"{plan.source} has no .jpg, .jpeg or .png file under <split>/<label>/")
    selection = select(listings, plan.limit)
    if selection.num_rows == 0:
        raise nothing_selected(plan, sorted({count.label for count in counts}))
    if plan.images is not None and selection.num_rows != plan.images:
        raise JobError(
            f"{plan.source} has {selection.num_rows} images for this run and had {plan.images} when it was planned: "
            "some were added or removed meanwhile. Start again when nobody changes them"
        )

    storage.write_bytes(storage.join(inventory, "stats", "part-00000.csv"), stats_csv(counts).encode())
    # A list of paths is small: one file, which the features job cuts evenly.
    content = pa.BufferOutputStream()
    pq.write_table(selection, content)
    storage.write_whole(
        storage.join(inventory, "selection", "part-00000.parquet"), content.getvalue(), storage.region_of(inventory)
    )
    selected = {
        "images": selection.num_rows,
        "labels": len(selection["label"].unique()),
        "bytes": pc.sum(selection["size"]).as_py(),
        "fingerprint": fingerprint(selection),
    }
    storage.write_json(storage.join(inventory, "summary.json"), {**everything, "selected": selected})


def find_folders(source: str, splits: tuple[str, ...] | None) -> list[LabelFolder]:
    """The `<split>/<label>` folders under `source`, in order; all splits when none are named.

    Raises:
        JobError: there are no splits, or a named one is not there.
    """
    there = storage.list_folders(source)
    if not there:
        raise JobError(f"{source} is empty or does not exist; images are expected at <split>/<label>/<image>")
    missing = [split for split in splits or () if split not in there]
    if missing:
        raise JobError(f"{source} has no split {', '.join(missing)}; there are: {_some(there)}")
    return [
        LabelFolder(split, label, storage.join(source, split, label))
        for split in (there if splits is None else splits)
        for label in storage.list_folders(storage.join(source, split))
    ]


def listing(plan: Plan, progress: Progress) -> Callable[[int, Iterable[LabelFolder]], Iterator[Listing]]:
    """What a task does with its folders: lists their images, writes inventory/metadata, and answers a Listing."""
    done = progress.done
    mode, wanted, limit = plan.mode, plan.label, plan.limit
    folder_uri = storage.join(plan.run, "inventory", "metadata")
    source_region, region = storage.region_of(plan.source), storage.region_of(plan.run)

    def list_folders(task: int, folders: Iterable[LabelFolder]) -> Iterator[Listing]:
        prepare_worker()
        found = [(folder, list(storage.list_images(folder.uri, source_region))) for folder in folders]
        rows = [metadata(folder, file) for folder, files in found for file in files]
        done.add(len(rows))
        if rows:
            parts.write_csv(pa.Table.from_pylist(rows, METADATA), folder_uri, task, region)
        chosen, digests = [], []
        for folder, files in found:
            if not is_in_mode(mode, wanted, folder.label):
                continue
            if limit is None:
                chosen += [candidate(folder, file) for file in files]
                continue
            # More of one folder than the limit are never taken.
            first = heapq.nsmallest(
                limit, ((digest(folder.split, folder.label, file.name), n) for n, file in enumerate(files))
            )
            chosen += [candidate(folder, files[n]) for _, n in first]
            digests += [text for text, _ in first]
        counts = [
            FolderCount(folder.split, folder.label, len(files), sum(file.size_bytes for file in files))
            for folder, files in found
            if files
        ]
        yield Listing(counts, pa.Table.from_pylist(chosen, SELECTION), digests)

    return list_folders


def metadata(folder: LabelFolder, file: StoredFile) -> dict[str, object]:
    """A row of METADATA."""
    return {
        "s3_path": file.path,
        "label": folder.label,
        "filename": file.name,
        "split": folder.split,
        "modification_time": file.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "file_size_bytes": file.size_bytes,
    }


def candidate(folder: LabelFolder, file: StoredFile) -> dict[str, object]:
    """A row of SELECTION."""
    return {
        "path": file.path,
        "label": folder.label,
        "size": file.size_bytes,
        "mtime": file.modified,
        "etag": file.etag,
    }


def select(listings: list[Listing], limit: int | None) -> pa.Table:
    """The images that the run uses, in the order of the paths' UTF-8 bytes: rows of SELECTION."""
    candidates = pa.concat_tables(listed.candidates for listed in listings)
    if limit is not None:
        digests = [text for listed in listings for text in listed.digests]
        labels = [str(label) for label in candidates["label"].to_pylist()]
        candidates = candidates.take(pa.array(take(labels, digests, limit), pa.int64()))
    return candidates.sort_by("path")


def stats_csv(counts: list[FolderCount]) -> str:
    """split, label, count"""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "label", "count"])
    writer.writerows((count.split, count.label, count.images) for count in counts)
    return text.getvalue()


def fingerprint(selection: pa.Table) -> str:
    """sha256 of a line `<path>\\t<etag>\\n` for each image, in hexadecimal. Preflight computes the same.

    Args:
        selection: path, etag in the order of the paths' UTF-8 bytes.
    """
    lines = hashlib.sha256()
    for batch in selection.select(["path", "etag"]).to_batches():
        for path, etag in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            lines.update(f"{path}\t{etag}\n".encode())
    return lines.hexdigest()


def nothing_selected(plan: Plan, labels: list[str]) -> JobError:
    """The error that says which labels there are."""
    what = f"mode {plan.mode}" + (f" with label {plan.label!r}" if plan.mode == "single-class" else "")
    return JobError(f"{what} selects no image of {plan.source}; labels there: {_some(labels)}")


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
