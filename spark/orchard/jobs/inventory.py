"""The inventory job: counts the images of the image tree, and selects the ones that the run uses."""

import pyarrow as pa
from pyspark import SparkContext

from orchard.errors import JobError
from orchard.fingerprint import format_fingerprint
from orchard.formatting import plural
from orchard.io import parts
from orchard.io.key_ranges import KeyRange
from orchard.io.outputs import format_outputs, keep_reported
from orchard.io.storage import locate_storage, open_storage, write_json
from orchard.io.uri import join
from orchard.jobs.listing import CANDIDATES_FOLDER, Listing, make_listing_task, sort_out
from orchard.jobs.select_images import Selected, find_selected_quotas, select_images
from orchard.pack.fingerprint import fingerprint_selection
from orchard.pack.reading import read_manifest
from orchard.plan import Plan
from orchard.progress import Progress
from orchard.session import cores

# The number of names that an error message lists.
NAMES_SHOWN = 20


def run(context: SparkContext, plan: Plan, progress: Progress) -> None:
    """Write inventory/{metadata,stats,selection,leftout.csv,summary.json}.

    metadata has one file for each task, and more than one for a task with more than 20,000 images.

    Raises:
        JobError: There are no images, or the mode selects none.
    """
    inventory = join(plan.run, "inventory")
    storage = open_storage(plan.run)
    listing = Listing()
    folders = find_folders(plan, listing)
    list_folders(context, plan, progress, folders, listing)
    images = sum(count for count, _ in listing.counts.values())
    progress.begin(images)
    labels = sorted({label for _, label in listing.counts})
    selected_labels = [label for label in labels if plan.selection_rule.selects(label)]
    check_selection(plan, listing, labels, selected_labels)

    quotas = find_selected_quotas(listing, selected_labels, plan.selection_rule.limit)
    selected = select_images(context, progress, inventory, listing, quotas)
    outputs = {"metadata": listing.metadata, "selection": selected.files}
    keep_reported(inventory, outputs, outputs)
    target = locate_storage(inventory)
    target.write_buffer(join(inventory, "stats", "part-00000.csv"), format_stats(listing))
    target.write_buffer(join(inventory, "leftout.csv"), listing.left_out.format())
    storage.remove_folder(join(inventory, CANDIDATES_FOLDER))
    fingerprint = format_fingerprint(selected.fingerprint)
    if plan.packed:
        fingerprint = fingerprint_selection(plan, read_manifest(plan), listing.counts)
    summary = {
        "images": images,
        "labels": len(labels),
        "bytes": sum(size for _, size in listing.counts.values()),
        "selected": {
            "images": selected.images,
            "labels": len(selected_labels) if quotas is None else sum(quota > 0 for quota in quotas.values()),
            "bytes": selected.bytes,
            "fingerprint": fingerprint,
        },
        "leftOut": dict(sorted(listing.left_out.reasons.items())),
        "later": listing.later,
        "changed": count_changed(plan, selected, fingerprint),
        "outputs": format_outputs(outputs),
    }
    write_json(join(inventory, "summary.json"), summary)


def find_folders(plan: Plan, listing: Listing) -> list[KeyRange]:
    """Find the folders of the plan's splits, including hidden ones. Files beside them are left out, and are counted.

    Raises:
        JobError: The image tree has no folders, or lacks a given split.
    """
    root = plan.image_tree
    if plan.packed:
        return find_shards(plan, listing)
    tops, hidden = list_level(plan, "", listing)
    if not tops:
        raise JobError(f"{root} is empty or does not exist; images are expected at <split>/<label>/<image>")
    if plan.tree.layout == "label":
        return [KeyRange(join(root, folder, "")) for folder in [*tops, *hidden]]
    missing = [split for split in plan.splits or () if split not in tops]
    if missing:
        raise JobError(f"{root} has no split {', '.join(missing)}; there are: {_shorten(tops)}")
    folders = []
    for split in tops if plan.splits is None else plan.splits:
        visible, others = list_level(plan, split, listing)
        folders += [*visible, *others]
    # The hidden folders have no image, but their files are left out.
    return [KeyRange(join(root, folder, "")) for folder in [*folders, *hidden]]


def find_shards(plan: Plan, listing: Listing) -> list[KeyRange]:
    """Find the files of a pack, and add the files that the pack has left out to the listing.

    Raises:
        JobError: There is no pack.
    """
    manifest = read_manifest(plan)
    for each in manifest["leftOut"]:
        examples = (join(plan.image_tree, path) for path in each["examples"])
        listing.left_out.add_counted(each["reason"], each["count"], examples)
    return [KeyRange(join(plan.image_tree, shard["name"])) for shard in manifest["shards"]]


def list_level(plan: Plan, folder: str, listing: Listing) -> tuple[list[str], list[str]]:
    """List the visible and the hidden folders in a folder of the tree, and add the files beside them to the listing.

    Args:
        plan: The plan.
        folder: path from the tree's root; empty for the root. The returned paths are from the root, too.
        listing: The result so far.
    """
    uri = join(plan.image_tree, folder) if folder else plan.image_tree
    storage = open_storage(uri)
    names = [f"{folder}/{name}" if folder else name for name in storage.list_folders(uri)]
    visible = [name for name in names if plan.tree.is_visible(name)]
    for file in storage.list_files(uri, deep=False):
        sort_out(plan, [file], listing)
    return visible, [name for name in names if not plan.tree.is_visible(name)]


def list_folders(
    context: SparkContext, plan: Plan, progress: Progress, folders: list[KeyRange], listing: Listing
) -> None:
    """List the folders in tasks, and add their results. Tasks hand back the rest of a large folder for other tasks."""
    with progress.stages.record("list", 0) as stage:
        while folders:
            # Listing takes one request for each 1,000 images; small tasks even out the folders' different sizes.
            tasks = min(len(folders), 4 * cores(context))
            list_ranges = make_listing_task(plan, progress, stage.tasks)
            rest: list[KeyRange] = []
            for found in context.parallelize(folders, tasks).mapPartitionsWithIndex(list_ranges).collect():
                listing.merge(found)
                rest += found.rest
            stage.tasks += tasks
            folders = rest
        stage.images = sum(images for images, _ in listing.counts.values())


def check_selection(plan: Plan, listing: Listing, labels: list[str], selected_labels: list[str]) -> None:
    """Refuse a tree without images, and a mode that selects none.

    Raises:
        JobError: There is nothing to select.
    """
    later = ""
    if listing.later:
        images = plural(listing.later, "image")
        were = "was" if listing.later == 1 else "were"
        later = f". {images} {were} added or overwritten after the plan: start again to use them"
    if not labels:
        endings = ", ".join(plan.tree.image_endings)
        place = "/".join(f"<{name}>" for name in plan.tree.layout.split("/"))
        raise JobError(f"{plan.image_tree} has no image ({endings}) under {place}/{later}")
    if not selected_labels:
        names = _shorten(labels)
        raise JobError(f"{plan.image_tree} has no image of {plan.selection_rule}; labels there: {names}{later}")


def count_changed(plan: Plan, selected: Selected, fingerprint: str) -> int | None:
    """Return the least number of planned images that were deleted or overwritten.

    Returns:
        None if the plan does not have the number and the fingerprint of its images.
    """
    if plan.fingerprint is None or plan.images is None:
        return None
    return 0 if plan.fingerprint == fingerprint else max(1, plan.images - selected.images)


def format_stats(listing: Listing) -> pa.Buffer:
    """Format the counts as CSV: split, label, count."""
    rows = [(split, label, images) for (split, label), (images, _) in sorted(listing.counts.items())]
    columns = [
        pa.array([row[n] for row in rows], kind) for n, kind in enumerate((pa.string(), pa.string(), pa.int64()))
    ]
    return parts.format_csv(pa.table(columns, ["split", "label", "count"]))


def _shorten(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
