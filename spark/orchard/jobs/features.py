"""The features job: computes the model's features for each image of the selection, or reuses them from the store."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import RDD, SparkContext

from orchard.arrow import prepare_worker
from orchard.checks import Check, VectorFaults, check_vectors, count_paths, merge_faults
from orchard.errors import JobError
from orchard.io import parts
from orchard.io.outputs import Outputs, format_outputs, keep_reported, merge_outputs
from orchard.io.storage import locate_storage, open_storage, write_json
from orchard.io.uri import join
from orchard.jobs.extraction import RESULTS_SCHEMA, Results, make_extract_task, read_model
from orchard.jobs.isolation import find_decoder_memory
from orchard.jobs.reasons import Reasons
from orchard.jobs.shares import order_by_digest, read_selection, split_into_shares
from orchard.plan import Model, Plan
from orchard.progress import Progress
from orchard.session import cores
from orchard.store import reference
from orchard.store.lookup import Lookup, look_up
from orchard.store.maintenance import maintain, record_use
from orchard.store.reading import make_read_task

# The number of stored images that justifies another task. Reading an image's features takes a hundredth of the time
# that computing them takes.
REUSED_IMAGES_PER_TASK = 1024
# A task keeps the places of its stored images in memory: 0.6 kB each (measured).
MOST_REUSED_PER_TASK = 200_000

# Turns the rows of a partition into results. It may write further files of the features, which the task then reports.
Produce = Callable[[Iterable[Any], parts.PartFiles], Iterator[Results]]


@dataclass
class TaskReport:
    """The result of one task: its number of images, and among them those that are unusable or have changed."""

    images: int = 0
    reasons: Reasons = field(default_factory=Reasons)
    # images that differ from the selection, or no longer exist
    changed: int = 0
    faults: VectorFaults = field(default_factory=VectorFaults)
    outputs: Outputs = field(default_factory=dict)


def run(context: SparkContext, plan: Plan, progress: Progress) -> None:
    """Write features/{parquet,csv,reference,summary.json}, errors and metadata.

    Computes the features of only those images that the store lacks, and adds them to the store. The plan decides
    whether stored features are copied or referred to. If they are referred to, `reference` names their rows in the
    store, and parquet and metadata have only the computed images.

    Raises:
        JobError: The inventory is missing, no image is usable, or the model is missing or differs from the plan's.
    """
    if plan.model is None:
        raise JobError("the plan names no model")
    content = read_model(plan.model)
    inventory = join(plan.run, "inventory")
    storage = open_storage(plan.run)
    images = int(json.loads(storage.read_bytes(join(inventory, "summary.json")))["selected"]["images"])
    progress.begin(images)

    selection = join(inventory, "selection")
    found = look_up_selection(context, plan, selection, images, progress)
    reused = 0 if found is None else found.known
    shares = split_into_shares(images - reused, cores(context))
    tasks: list[RDD[TaskReport]] = []
    if shares:
        if found is None or reused == 0:
            new = read_selection(context, selection, shares)
        else:
            new = found.read_missing(len(shares))
            if plan.packed:
                new = order_by_digest(new, plan.image_tree, len(shares))
        memory = find_decoder_memory(context.getConf(), plan.precision)
        extract = make_extract_task(plan, plan.model, context.broadcast(content), progress, memory)
        tasks.append(new.mapPartitionsWithIndex(make_write_task(plan, without_files(extract))))
    if found is not None and reused > 0:
        tasks.append(reuse_features(context, plan, found, len(shares), progress))
    work = context.union(tasks)
    with progress.stages.record("extract", work.getNumPartitions(), images):
        reports = work.collect()
    if found is not None and plan.refers:
        record_use(found.uri, plan.run_id, found.used)
    write_summary(plan, plan.model, reports, images, found)
    if plan.store is not None:
        with progress.stages.record("index", 0):
            maintain(context, plan.store, plan.run_id, () if found is None else found.used)


def look_up_selection(
    context: SparkContext, plan: Plan, selection: str, images: int, progress: Progress
) -> Lookup | None:
    """Look up the run's images in the store; None if it is empty, or the run must not use it."""
    if plan.store is None or plan.force:
        return None
    with progress.stages.record("look up", 0, images) as stage:
        found = look_up(context, plan.store, selection, images)
        stage.tasks = 0 if found is None else found.parts.getNumPartitions()
    return found


def reuse_features(
    context: SparkContext, plan: Plan, found: Lookup, first_task: int, progress: Progress
) -> "RDD[TaskReport]":
    """Return the tasks that copy features from the store, or write the reference to them.

    Args:
        context: The Spark context.
        plan: The plan.
        found: The images that the store has.
        first_task: The number of the first of these tasks, after the tasks that compute features. Task numbers become
            file names.
        progress: Counts the images.
    """
    produce = (
        reference.make_reference_task(found.uri, RESULTS_SCHEMA, progress)
        if plan.refers
        else without_files(make_read_task(found.uri, RESULTS_SCHEMA, progress))
    )
    tasks = count_reuse_tasks(found.known, cores(context))
    return found.read_places(tasks).mapPartitionsWithIndex(make_write_task(plan, produce, first_task))


def count_reuse_tasks(images: int, cores: int) -> int:
    """Return the number of tasks for stored images: two for each core, fewer for few images, more for very many."""
    return max(min(2 * cores, 1 + images // REUSED_IMAGES_PER_TASK), -(-images // MOST_REUSED_PER_TASK))


def without_files(produce: Callable[[Iterable[Any]], Iterator[Results]]) -> Produce:
    """Adapt a function that only yields results."""
    return lambda rows, _: produce(rows)


def make_write_task(
    plan: Plan, produce: Produce, first_task: int = 0
) -> Callable[[int, Iterable[Any]], Iterator[TaskReport]]:
    """Make the function that writes the features, metadata and errors of one partition.

    Args:
        plan: A plan with a model.
        produce: Turns the rows of a partition into results.
        first_task: The number of partition 0; task numbers become file names.
    """
    assert plan.model is not None
    dimensions, csv, run_uri = plan.model.dimensions, plan.csv, plan.run
    storage = locate_storage(run_uri)

    def write(partition: int, rows: Iterable[Any]) -> Iterator[TaskReport]:
        prepare_worker()
        task = first_task + partition
        writer = parts.PartWriter(join(run_uri, "features"), storage, task, dimensions, csv=csv)
        lists = parts.PartFiles(run_uri, storage, task)
        report, good, bad = TaskReport(faults=writer.faults), [], []
        for batch, changed in produce(rows, writer.files):
            has_features = batch.column("reason").is_null()
            usable = batch.filter(has_features)
            writer.add(usable.select(["path", "label", "features"]))
            good.append(usable.select(["path", "label"]))
            bad.append(batch.filter(pc.invert(has_features)).select(["path", "label", "reason"]))
            report.images += batch.num_rows
            for path, reason in zip(
                bad[-1].column("path").to_pylist(), bad[-1].column("reason").to_pylist(), strict=True
            ):
                report.reasons.add(str(reason), [str(path)])
            report.changed += changed
        writer.flush()
        for name, batches in (("metadata", good), ("errors", bad)):
            if any(batch.num_rows for batch in batches):
                lists.write_csv(name, pa.Table.from_batches(batches))
        report.outputs = writer.outputs | lists.outputs
        yield report

    return write


def write_summary(plan: Plan, model: Model, reports: list[TaskReport], images: int, found: Lookup | None) -> None:
    """Remove the files that no task has reported, check the written features, and write features/summary.json.

    Raises:
        JobError: None of the `images` images is usable, or reported files are missing.
    """
    reasons = Reasons.merge(report.reasons for report in reports)
    errors = reasons.counts.total()
    if errors == images:
        raise JobError(f"none of the {images} images can be used: {reasons.describe(plan.image_tree)}")
    outputs = merge_outputs(report.outputs for report in reports)
    if errors == 0:
        columns = [RESULTS_SCHEMA.field(name) for name in ("path", "label", "reason")]
        header = parts.PartFiles(plan.run, locate_storage(plan.run), 0)
        header.write_csv("errors", pa.schema(columns).empty_table())
        outputs |= header.outputs
    folder = join(plan.run, "features")
    known = 0 if found is None else found.known
    usable = 0 if found is None else found.known - found.bad
    referenced = usable if plan.refers else 0
    keep_reported(folder, outputs, ("parquet", "csv", reference.FOLDER))
    keep_reported(plan.run, outputs, ("metadata", "errors"))
    faults = merge_faults(report.faults for report in reports)
    checks = check_vectors(join(folder, "parquet"), faults, images - errors - referenced, model.dimensions)
    if referenced > 0:
        checks.append(check_reference(join(folder, reference.FOLDER), referenced))
    summary = {
        "images": images - errors,
        "errors": errors,
        "reasons": dict(reasons.counts.most_common()),
        "examples": reasons.relative_to(plan.image_tree),
        "computed": images - known,
        "reused": known,
        "copied": usable - referenced,
        "referenced": referenced,
        "changed": sum(report.changed for report in reports),
        "dimensions": model.dimensions,
        "outputs": format_outputs(outputs),
        "checks": [check.as_json() for check in checks],
    }
    write_json(join(folder, "summary.json"), summary)


def check_reference(folder: str, rows: int) -> Check:
    """Check that a reference names the expected number of images, and each of them once."""
    written, paths = count_paths(folder)
    return Check(
        reference.FOLDER, written == paths == rows, f"{written} rows, {paths} different paths; {rows} expected"
    )
