"""The reduction job: fits a PCA to features, applies it to them, and reports on the fit."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import SparkContext

from orchard import pca
from orchard.arrow import prepare_worker
from orchard.checks import Check, VectorFaults, check_variance, check_vectors, merge_faults
from orchard.formatting import plural
from orchard.io import fitted, parts
from orchard.io.outputs import Outputs, format_outputs, keep_reported, merge_outputs
from orchard.io.storage import locate_storage, open_storage, write_json
from orchard.io.uri import is_s3, join
from orchard.io.vectors import FEATURES, Column, Features, find_features
from orchard.moments import Factor, Matrix, Moments, choose_pilot
from orchard.pca import Fit
from orchard.plan import Components, Model, Plan
from orchard.progress import Progress
from orchard.report import figures
from orchard.report.stages import Stages
from orchard.session import cores
from orchard.tree_sum import Node, TreeSum, split_into_leaves

REDUCED_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("label", pa.string()),
        pa.field("pca_features", pa.list_(pa.float64())),
    ]
)
# Enough rows that a few outliers among them do not move their median.
PILOT_ROWS = 64


@dataclass(frozen=True)
class Reduction:
    """The parameters of a reduction. `features` and `output` are URIs, `column` is the column of the features.

    `model`, `expected_images`, `errors` (the number of unusable images) and `sources` (of the figures) are None
    if the features' run is unknown.
    """

    features: str
    output: str
    components: Components
    csv: bool = True
    min_variance: float | None = None
    model: Model | None = None
    expected_images: int | None = None
    errors: int | None = None
    column: Column = FEATURES
    sources: figures.Sources | None = None


def from_plan(plan: Plan) -> Reduction:
    """Return the reduction of a run, for its own features or an earlier run's.

    The summary.json of the features has the expected number of images.

    Raises:
        JobError: features/summary.json does not exist.
    """
    features = plan.features or join(plan.run, "features", "parquet")
    folder = features.rpartition("/")[0]
    summary = json.loads(open_storage(features).read_bytes(join(folder, "summary.json")))
    # The etag of a local file says nothing about its content, but a pack has checksums.
    tells_content = plan.packed or is_s3(plan.image_tree)
    selection = join(folder.rpartition("/")[0], "inventory", "selection") if tells_content else None
    return Reduction(
        features=features,
        output=plan.run,
        components=plan.components,
        csv=plan.csv,
        min_variance=plan.min_variance,
        model=plan.model,
        expected_images=summary["images"],
        errors=summary["errors"],
        sources=figures.Sources(selection, plan),
    )


@dataclass(frozen=True)
class Outcome:
    """One line about the result of a job, and the checks of it."""

    summary: str
    checks: list[Check]


def run(context: SparkContext, job: Reduction, progress: Progress) -> Outcome:
    """Write pca/{parquet,csv} and model_info/{model_info.json,variance.csv,pca.npz,pca.json}.

    A run also gets report/figures.json, unless computing it fails.
    Failed checks do not stop the job: they are part of model_info.json, and its reader decides.

    Raises:
        JobError: The features are missing, damaged or all equal, or have fewer components than requested.
    """
    features = find_features(job.features, job.column)
    images = features.rows
    progress.begin(images)
    fit = fit_features(context, features, job.components, progress.stages, one_scale=job.model is not None)

    transformed = transform(context, features, job.output, fit, progress, csv=job.csv)
    expected = images if job.expected_images is None else job.expected_images
    checks = check_transformed(transformed, job.output, expected, fit)
    checks.append(check_variance(float(fit.ratios.sum()), job.min_variance))
    info = join(job.output, "model_info")
    open_storage(info).write_bytes(join(info, "variance.csv"), format_variance(fit).encode())
    fitted.save(fit, make_provenance(job, fit, images), info)
    write_json(join(info, "model_info.json"), make_model_info(job, fit, transformed, images, checks))
    if job.sources is not None:
        reduced = figures.Reduced(job.output, images, fit.mean @ fit.components, transformed.labels)
        figures.write(context, reduced, job.sources, progress.stages)
    components = plural(len(fit.ratios), "component")
    explained = f"{fit.ratios.sum():.6f} of the variance of {images} images is in {components}"
    return Outcome(f"{explained}: {job.output}", checks)


def fit_features(
    context: SparkContext, features: Features, requested: Components, stages: Stages, *, one_scale: bool = False
) -> Fit:
    """Fit a PCA to the features, in one pass over them, or in two if one is not exact enough.

    Equal files give a fit with the same bits, whatever the number of cores.

    Args:
        context: The Spark context.
        features: The features, of which the first rows give the pilot.
        requested: The number of components, or the share of the variance.
        stages: Records the passes.
        one_scale: The features come from a network, as `pca.check_differences` explains.

    Raises:
        JobError: Rows have unequal lengths, are missing, have numbers that are not finite, or are all equal.
    """
    sample = features.read_sample(PILOT_ROWS)
    pca.check_components(requested, features.rows, sample.shape[1])
    pilot = choose_pilot(sample)
    leaves = split_into_leaves([group.rows for group in features.groups])
    tasks = min(len(leaves), cores(context))
    with stages.record("sum", tasks, features.rows):
        moments = _sum_leaves(context, features, leaves, tasks, pilot, Moments)
    pca.check_differences(moments, pca.find_rounding(sample), one_scale=one_scale)

    def factorize() -> Factor:
        with stages.record("factorize", tasks, features.rows):
            return _sum_leaves(context, features, leaves, tasks, pilot, Factor)

    return pca.fit(moments, requested, factorize)


Sums = TypeVar("Sums", Moments, Factor)


def _sum_leaves(  # noqa: PLR0917
    context: SparkContext, features: Features, leaves: list[range], tasks: int, pilot: Matrix, kind: type[Sums]
) -> Sums:
    """Sum up each leaf's row groups from `kind.zero(pilot)` on, and add the sums as `orchard.tree_sum` describes."""

    def sum_leaves(numbers: Iterable[int]) -> Iterator[tuple[int, int, Any]]:
        prepare_worker()
        tree: TreeSum[Sums] = TreeSum()
        for number in numbers:
            sums = kind.zero(pilot)
            for rows in features.read(leaves[number], len(pilot)):
                sums.add_rows(rows)
            tree.add(Node(0, number, sums))
        for node in tree.nodes:
            yield node.level, node.index, node.value.to_bytes()

    tree: TreeSum[Sums] = TreeSum()
    for level, index, part in context.parallelize(range(len(leaves)), tasks).mapPartitions(sum_leaves).collect():
        tree.add(Node(level, index, kind.from_bytes(pilot, *part)))
    return tree.total()


@dataclass(frozen=True)
class Transformed:
    """The faults of the rows that a transformation wrote, the number of rows of each label, and the files."""

    faults: VectorFaults
    labels: Counter[str | None]
    outputs: Outputs


def transform(
    context: SparkContext, features: Features, output: str, fit: Fit, progress: Progress, *, csv: bool
) -> Transformed:
    """Write pca/{parquet,csv} with path, label, pca_features (float64, one number for each component).

    Args:
        context: The Spark context.
        features: The features.
        output: The URI of the folder that gets the folder `pca`.
        fit: Its components are multiplied with the features, which are not centered.
        progress: Counts the images.
        csv: Whether to write CSV beside Parquet.

    Raises:
        JobError: Files that tasks have written are missing.
    """
    components = context.broadcast(fit.components)
    output_storage = locate_storage(output)
    folder = join(output, "pca")
    done = progress.done

    def transform_groups(task: int, numbers: Iterable[int]) -> Iterator[Transformed]:
        prepare_worker()
        matrix_of_components = components.value
        dimensions, count = matrix_of_components.shape
        writer = parts.PartWriter(folder, output_storage, task, count, csv=csv)
        labels: Counter[str | None] = Counter()
        for rows, names in features.read_named(numbers, dimensions):
            values = pa.array((rows.astype(np.float64) @ matrix_of_components).ravel(), pa.float64())
            offsets = pa.array(np.arange(0, (len(rows) + 1) * count, count, dtype=np.int32), pa.int32())
            vectors = pa.ListArray.from_arrays(offsets, values)
            writer.add(pa.RecordBatch.from_arrays([*names, vectors], schema=REDUCED_SCHEMA))
            counted = pc.value_counts(names[1])
            labels.update(dict(zip(*(pc.struct_field(counted, n).to_pylist() for n in (0, 1)), strict=True)))
            done.add(len(rows))
        writer.flush()
        yield Transformed(writer.faults, labels, writer.outputs)

    tasks = min(len(features.groups), 2 * cores(context))
    groups = context.parallelize(range(len(features.groups)), tasks)
    with progress.stages.record("transform", tasks, features.rows):
        found = groups.mapPartitionsWithIndex(transform_groups).collect()
    faults = merge_faults(part.faults for part in found)
    outputs = merge_outputs(part.outputs for part in found)
    keep_reported(folder, outputs, ("parquet", "csv"))
    return Transformed(faults, sum((part.labels for part in found), Counter()), outputs)


def check_transformed(transformed: Transformed, output: str, images: int, fit: Fit) -> list[Check]:
    """Check the files that `transform` wrote; `images` is the expected number of rows."""
    folder = join(output, "pca", "parquet")
    return check_vectors(folder, transformed.faults, images, len(fit.ratios))


def format_variance(fit: Fit) -> str:
    """Format the explained variance as CSV: component (from 1), variance_explained, cumulative_variance."""
    rows = zip(fit.ratios.tolist(), np.cumsum(fit.ratios).tolist(), strict=True)
    lines = [f"{number},{ratio!r},{cumulative!r}" for number, (ratio, cumulative) in enumerate(rows, start=1)]
    return "\n".join(["component,variance_explained,cumulative_variance", *lines, ""])


def make_model_info(
    job: Reduction, fit: Fit, transformed: Transformed, images: int, checks: list[Check]
) -> dict[str, object]:
    """Return the content of model_info.json."""
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "pca_components": len(fit.ratios),
        "original_dimensions": len(fit.mean),
        "reduced_dimensions": len(fit.ratios),
        "total_variance_explained": float(fit.ratios.sum()),
        "variance_by_component": fit.ratios.tolist(),
        "cumulative_variance": np.cumsum(fit.ratios).tolist(),
        "num_images_processed": images,
        "labels": len(transformed.labels),
        "errors": job.errors,
        "model": _describe_model(job),
        "outputs": format_outputs(transformed.outputs),
        "checks": [check.as_json() for check in checks],
    }


def make_provenance(job: Reduction, fit: Fit, images: int) -> dict[str, object]:
    """Return the content of pca.json, which orchard.io.fitted describes."""
    return {
        "features": job.features,
        "run": job.output,
        "images": images,
        "dimensions": len(fit.mean),
        "components": len(fit.ratios),
        "model": _describe_model(job),
    }


def _describe_model(job: Reduction) -> dict[str, str] | None:
    if job.model is None:
        return None
    return {"name": job.model.name, "weights": job.model.weights, "sha256": job.model.sha256}
