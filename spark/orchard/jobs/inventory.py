"""The inventory job: counts the images of the image tree, and selects the ones that the run uses."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import SparkContext

from orchard.errors import JobError
from orchard.fingerprint import add_up, format_fingerprint
from orchard.io import parts
from orchard.io.storage import locate_storage, open_storage, write_json
from orchard.io.uri import join
from orchard.jobs.listing import FolderCount, LabelFolder, LeftOut, Listing, make_listing_task, sort_out
from orchard.plan import Plan
from orchard.progress import Progress
from orchard.selection import select_evenly
from orchard.session import cores

# The number of names that an error message lists.
NAMES_SHOWN = 20


def run(context: SparkContext, plan: Plan, progress: Progress) -> None:
    """Write inventory/{metadata,stats,selection,leftout.csv,summary.json}.

    Raises:
        JobError: There are no images, the mode selects none, or their number differs from the plan's.
    """
    folders, besides = find_label_folders(plan)
    inventory = join(plan.run, "inventory")
    storage = open_storage(plan.run)
    for name in ("metadata", "selection"):
        storage.remove_folder(join(inventory, name))
    # Listing a folder takes one request for each 1,000 images; small tasks even out the differences.
    tasks = max(1, min(len(folders), 4 * cores(context)))
    list_images = make_listing_task(plan, progress)
    with progress.stages.record("list", tasks) as stage:
        listings = context.parallelize(folders, tasks).mapPartitionsWithIndex(list_images).collect()
        stage.images = sum(count.images for listing in listings for count in listing.counts)

    counts = sorted(count for listing in listings for count in listing.counts)
    totals = {
        "images": sum(count.images for count in counts),
        "labels": len({count.label for count in counts}),
        "bytes": sum(count.bytes for count in counts),
    }
    left_out = sorted([*besides, *(entry for listing in listings for entry in listing.left_out)])
    progress.begin(totals["images"])
    if not counts:
        endings = ", ".join(plan.tree.image_endings)
        place = "/".join(f"<{name}>" for name in plan.tree.layout.split("/"))
        raise JobError(f"{plan.image_tree} has no image ({endings}) under {place}/")
    selection = select_images(listings, plan.selection_rule.limit)
    check_selection(plan, selection, counts)

    target = locate_storage(inventory)
    target.write_buffer(join(inventory, "stats", "part-00000.csv"), format_stats(counts))
    target.write_buffer(join(inventory, "leftout.csv"), format_left_out(left_out))
    # A list of paths is small: one file, from which each task of the features job reads its share.
    content = pa.BufferOutputStream()
    pq.write_table(selection, content)
    target.write_buffer(join(inventory, "selection", "part-00000.parquet"), content.getvalue())
    selected = {
        "images": selection.num_rows,
        "labels": len(selection["label"].unique()),
        "bytes": pc.sum(selection["size"]).as_py(),
        "fingerprint": compute_fingerprint(selection),
    }
    reasons = dict(Counter(entry.reason for entry in left_out))
    write_json(join(inventory, "summary.json"), {**totals, "selected": selected, "leftOut": reasons})


def find_label_folders(plan: Plan) -> tuple[list[LabelFolder], list[LeftOut]]:
    """Find the label folders of the plan's splits, sorted within each, and the files beside them, which are left out.

    Raises:
        JobError: The image tree has no folders, or lacks a given split.
    """
    root = plan.image_tree
    tops, besides = list_level(plan, "")
    if not tops:
        raise JobError(f"{root} is empty or does not exist; images are expected at <split>/<label>/<image>")
    if plan.tree.layout == "label":
        return [LabelFolder("", label, join(root, label)) for label in tops], besides
    missing = [split for split in plan.splits or () if split not in tops]
    if missing:
        raise JobError(f"{root} has no split {', '.join(missing)}; there are: {_shorten(tops)}")
    folders = []
    for split in tops if plan.splits is None else plan.splits:
        labels, others = list_level(plan, split)
        folders += [LabelFolder(split, label, join(root, split, label)) for label in labels]
        besides += others
    return folders, besides


def list_level(plan: Plan, folder: str) -> tuple[list[str], list[LeftOut]]:
    """List the names of the visible folders in a folder of the tree, and the files that are not in one of them.

    Args:
        folder: path from the tree's root; empty for the root.
    """
    uri = join(plan.image_tree, folder) if folder else plan.image_tree
    storage = open_storage(uri)
    names = storage.list_folders(uri)
    files = [*storage.list_files(uri, deep=False)]
    visible = []
    for name in names:
        if plan.tree.is_visible(f"{folder}/{name}" if folder else name):
            visible.append(name)
        else:
            files += storage.list_files(f"{uri}/{name}", deep=True)
    # None of them is an image: they lie above the label folders, or in a hidden folder.
    return visible, sort_out(plan, files)[1]


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


def format_stats(counts: list[FolderCount]) -> pa.Buffer:
    """Format the counts as CSV: split, label, count."""
    columns = [[getattr(count, name) for count in counts] for name in ("split", "label", "images")]
    return parts.format_csv(pa.table(columns, ["split", "label", "count"]))


def format_left_out(files: list[LeftOut]) -> pa.Buffer:
    """Format the files that are left out as CSV: path, reason. Bytes that are not UTF-8 are written as \\udcxx."""
    paths = [file.path.encode(errors="backslashreplace").decode() for file in files]
    reasons = [file.reason for file in files]
    return parts.format_csv(
        pa.table([pa.array(paths, pa.string()), pa.array(reasons, pa.string())], ["path", "reason"])
    )


def compute_fingerprint(selection: pa.Table) -> str:
    """Return the fingerprint of a selection, a table with the columns path and etag."""
    total = 0
    for batch in selection.select(["path", "etag"]).to_batches():
        columns = (column.to_pylist() for column in batch.columns)
        total += add_up((str(path), str(etag)) for path, etag in zip(*columns, strict=True))
    return format_fingerprint(total)


def _shorten(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
