"""The inventory job: counts the images of the image tree, and selects the ones that the run uses."""

import csv
import hashlib
import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import SparkContext

from orchard.errors import JobError
from orchard.io.storage import locate_storage, open_storage, write_json
from orchard.io.uri import join
from orchard.jobs.listing import FolderCount, LabelFolder, Listing, make_listing_task
from orchard.plan import Plan
from orchard.progress import Progress
from orchard.selection import select_evenly
from orchard.session import cores

# The number of names that an error message lists.
NAMES_SHOWN = 20


def run(context: SparkContext, plan: Plan, progress: Progress) -> None:
    """Write inventory/{metadata,stats,selection,summary.json}.

    Raises:
        JobError: There are no images, the mode selects none, or their number differs from the plan's.
    """
    folders = find_label_folders(plan.image_tree, plan.splits)
    inventory = join(plan.run, "inventory")
    storage = open_storage(plan.run)
    for name in ("metadata", "selection"):
        storage.remove_folder(join(inventory, name))
    # Listing a folder takes one request for each 1,000 images; small tasks even out the differences.
    tasks = max(1, min(len(folders), 4 * cores(context)))
    list_images = make_listing_task(plan, progress)
    listings = context.parallelize(folders, tasks).mapPartitionsWithIndex(list_images).collect()

    counts = sorted(count for listing in listings for count in listing.counts)
    totals = {
        "images": sum(count.images for count in counts),
        "labels": len({count.label for count in counts}),
        "bytes": sum(count.bytes for count in counts),
    }
    progress.begin(totals["images"])
    if not counts:
        raise JobError(f"{plan.image_tree} has no .jpg, .jpeg or .png file under <split>/<label>/")
    selection = select_images(listings, plan.selection_rule.limit)
    check_selection(plan, selection, counts)

    storage.write_bytes(join(inventory, "stats", "part-00000.csv"), format_stats(counts).encode())
    # A list of paths is small: one file, from which each task of the features job reads its share.
    content = pa.BufferOutputStream()
    pq.write_table(selection, content)
    locate_storage(inventory).write_buffer(join(inventory, "selection", "part-00000.parquet"), content.getvalue())
    selected = {
        "images": selection.num_rows,
        "labels": len(selection["label"].unique()),
        "bytes": pc.sum(selection["size"]).as_py(),
        "fingerprint": compute_fingerprint(selection),
    }
    write_json(join(inventory, "summary.json"), {**totals, "selected": selected})


def find_label_folders(image_tree: str, splits: tuple[str, ...] | None) -> list[LabelFolder]:
    """Find the `<split>/<label>` folders of the given splits, sorted within each; None means all splits.

    Raises:
        JobError: The image tree has no splits, or lacks a given one.
    """
    existing = open_storage(image_tree).list_folders(image_tree)
    if not existing:
        raise JobError(f"{image_tree} is empty or does not exist; images are expected at <split>/<label>/<image>")
    missing = [split for split in splits or () if split not in existing]
    if missing:
        raise JobError(f"{image_tree} has no split {', '.join(missing)}; there are: {_shorten(existing)}")
    return [
        LabelFolder(split, label, join(image_tree, split, label))
        for split in (existing if splits is None else splits)
        for label in open_storage(image_tree).list_folders(join(image_tree, split))
    ]


def select_images(listings: list[Listing], limit: int | None) -> pa.Table:
    """Return the selection, rows of SELECTION_SCHEMA, in the order of the paths' UTF-8 bytes."""
    candidates = pa.concat_tables(listing.candidates for listing in listings)
    if limit is not None:
        digests = [text for listing in listings for text in listing.digests]
        labels = [str(label) for label in candidates["label"].to_pylist()]
        candidates = candidates.take(pa.array(select_evenly(labels, digests, limit), pa.int64()))
    return candidates.sort_by("path")


def check_selection(plan: Plan, selection: pa.Table, counts: list[FolderCount]) -> None:
    """Refuse an empty selection, and one that has changed since Preflight counted it.

    Raises:
        JobError: The selection is empty, or its number of images is not the plan's.
    """
    if selection.num_rows == 0:
        labels = sorted({count.label for count in counts})
        raise JobError(f"{plan.image_tree} has no image of {plan.selection_rule}; labels there: {_shorten(labels)}")
    if plan.images is not None and selection.num_rows != plan.images:
        raise JobError(
            f"{plan.image_tree} has {selection.num_rows} images for this run and had {plan.images} when it was "
            "planned: some were added or removed meanwhile. Start again when nobody changes them"
        )


def format_stats(counts: list[FolderCount]) -> str:
    """Format the counts as CSV: split, label, count."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "label", "count"])
    writer.writerows((count.split, count.label, count.images) for count in counts)
    return text.getvalue()


def compute_fingerprint(selection: pa.Table) -> str:
    """Return the hexadecimal sha256 of a line `<path>\\t<etag>\\n` for each image. Preflight computes the same.

    Args:
        selection: path and etag in the order of the paths' UTF-8 bytes.
    """
    lines = hashlib.sha256()
    for batch in selection.select(["path", "etag"]).to_batches():
        for path, etag in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            lines.update(f"{path}\t{etag}\n".encode())
    return lines.hexdigest()


def _shorten(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
