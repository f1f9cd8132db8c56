"""The reduction job: fits a PCA to features, applies it to them, and reports on the fit."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from pyspark import SparkContext

from orchard import pca
from orchard.arrow import prepare_worker
from orchard.checks import Check, VectorFaults, check_variance, check_vectors, merge_faults
from orchard.io import fitted, parts
from orchard.io.backend import Storage
from orchard.io.storage import locate_storage, open_storage, write_json
from orchard.io.uri import join
from orchard.io.vectors import RowGroup, find_row_groups, read_row_groups, to_matrix
from orchard.pca import Fit, Moments
from orchard.plan import Components, Model, Plan
from orchard.progress import Progress
from orchard.session import cores

REDUCED_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("label", pa.string()),
        pa.field("pca_features", pa.list_(pa.float64())),
    ]
)
# Each task sends 6.6 MB of sums to the driver, whose limit for all results is 1 GB (spark.driver.maxResultSize).
MAX_SUMMING_TASKS = 96


@dataclass(frozen=True)
class Reduction:
    """The parameters of a reduction. `features` and `output` are URIs.

    `model`, `expected_images` and `errors` (the number of unusable images) are None if the features' run is unknown.
    """

    features: str
    output: str
    components: Components
    csv: bool = True
    min_variance: float | None = None
    model: Model | None = None
    expected_images: int | None = None
    errors: int | None = None


def from_plan(plan: Plan) -> Reduction:
    """Return the reduction of a run, for its own features or an earlier run's. Their summary has the expected number.

    Raises:
        JobError: features/summary.json does not exist.
    """
    features = plan.features or join(plan.run, "features", "parquet")
    summary = json.loads(open_storage(features).read_bytes(join(features.rpartition("/")[0], "summary.json")))
    return Reduction(
        features=features,
        output=plan.run,
        components=plan.components,
        csv=plan.csv,
        min_variance=plan.min_variance,
        model=plan.model,
        expected_images=summary["images"],
        errors=summary["errors"],
    )


def run(context: SparkContext, job: Reduction, progress: Progress) -> str:
    """Write pca/{parquet,csv} and model_info/{model_info.json,variance.csv,pca.npz,pca.json}; return one line about it.

    Failed checks do not stop the job: they are part of model_info.json, and its reader decides.

    Raises:
        JobError: The features are missing or damaged, or have fewer components than requested.
    """
    storage = locate_storage(job.features)
    groups = find_row_groups(job.features, storage)
    images = sum(group.rows for group in groups)
    progress.begin(images)
    pca.check_components(job.components, images, read_dimensions(storage, groups[0]))

    moments = sum_moments(context, storage, groups)
    fit = pca.fit(moments, job.components)

    transformed = transform(context, storage, job.output, groups, fit, progress, csv=job.csv)
    expected = images if job.expected_images is None else job.expected_images
    checks = check_transformed(transformed, job.output, expected, fit)
    checks.append(check_variance(float(fit.ratios.sum()), job.min_variance))
    info = join(job.output, "model_info")
    open_storage(info).write_bytes(join(info, "variance.csv"), format_variance(fit).encode())
    fitted.save(fit, make_provenance(job, fit, moments), info)
    write_json(join(info, "model_info.json"), make_model_info(job, fit, moments, len(transformed.labels), checks))
    return (
        f"{len(fit.ratios)} components explain {fit.ratios.sum():.6f} of the variance of {images} images: {job.output}"
    )


def read_dimensions(storage: Storage, group: RowGroup) -> int:
    """Return the number of features in the first row of a row group."""
    file, first = next(read_row_groups(storage, [group], ["features"]))
    return len(to_matrix(first.slice(0, 1), file)[0])


def sum_moments(context: SparkContext, storage: Storage, groups: list[RowGroup]) -> Moments:
    """Sum the moments of all rows, in the order of the files, so that equal features give identical bits.

    Raises:
        JobError: Rows have unequal lengths, are missing, or have numbers that are not finite.
    """
    tasks = min(len(groups), cores(context), MAX_SUMMING_TASKS)

    def sum_groups(numbers: Iterable[int]) -> Iterator[tuple[int, bytes, bytes]]:
        prepare_worker()
        chosen = [groups[number] for number in numbers]
        moments: Moments | None = None
        for file, batch in read_row_groups(storage, chosen, ["features"]):
            rows = to_matrix(batch, file, None if moments is None else len(moments.total))
            moments = Moments.zero(rows.shape[1]) if moments is None else moments
            moments.add_rows(rows)
        if moments is not None:
            yield moments.count, *moments.to_bytes()

    sums = context.parallelize(range(len(groups)), tasks).mapPartitions(sum_groups).collect()
    moments = Moments.from_bytes(*sums[0])
    for part in sums[1:]:
        moments.add(Moments.from_bytes(*part))
    return moments


@dataclass(frozen=True)
class Transformed:
    """The faults and the labels of the rows that a transformation wrote."""

    faults: VectorFaults
    labels: frozenset[str | None]


def transform(  # noqa: PLR0917
    context: SparkContext,
    storage: Storage,
    output: str,
    groups: list[RowGroup],
    fit: Fit,
    progress: Progress,
    *,
    csv: bool,
) -> Transformed:
    """Write pca/{parquet,csv} with path, label, pca_features (float64, one number for each component).

    Args:
        context: The Spark context.
        storage: The storage of the features.
        output: The URI of the folder that gets the folder `pca`.
        groups: The row groups of the features.
        fit: Its components are multiplied with the features, which are not centered.
        progress: Counts the images.
        csv: Whether to write CSV beside Parquet.
    """
    components = context.broadcast(fit.components)
    output_storage = locate_storage(output)
    folder = join(output, "pca")
    parts.remove_parts(folder)
    done = progress.done

    def transform_groups(task: int, numbers: Iterable[int]) -> Iterator[Transformed]:
        prepare_worker()
        matrix_of_components = components.value
        dimensions, count = matrix_of_components.shape
        writer = parts.PartWriter(folder, output_storage, task, count, csv=csv)
        labels: set[str | None] = set()
        chosen = [groups[number] for number in numbers]
        columns = ["path", "label", "features"]
        for file, batch in read_row_groups(storage, chosen, columns):
            rows = to_matrix(batch, file, dimensions)
            values = pa.array((rows.astype(np.float64) @ matrix_of_components).ravel(), pa.float64())
            offsets = pa.array(np.arange(0, (len(rows) + 1) * count, count, dtype=np.int32), pa.int32())
            names = [batch.column(name).cast(pa.string()) for name in ("path", "label")]
            vectors = pa.ListArray.from_arrays(offsets, values)
            writer.add(pa.RecordBatch.from_arrays([*names, vectors], schema=REDUCED_SCHEMA))
            labels.update(names[1].unique().to_pylist())
            done.add(len(rows))
        writer.flush()
        yield Transformed(writer.faults, frozenset(labels))

    tasks = min(len(groups), 2 * cores(context))
    found = context.parallelize(range(len(groups)), tasks).mapPartitionsWithIndex(transform_groups).collect()
    faults = merge_faults(part.faults for part in found)
    return Transformed(faults, frozenset().union(*(part.labels for part in found)))


def check_transformed(transformed: Transformed, output: str, images: int, fit: Fit) -> list[Check]:
    """Check the files that `transform` wrote; `images` is the expected number of rows."""
    folder = join(output, "pca", "parquet")
    return check_vectors(folder, transformed.faults, images, len(fit.ratios))


def format_variance(fit: Fit) -> str:
    """Format the explained variance as CSV: component (from 1), variance_explained, cumulative_variance."""
    rows = zip(fit.ratios.tolist(), np.cumsum(fit.ratios).tolist(), strict=True)
    lines = [f"{number},{ratio!r},{cumulative!r}" for number, (ratio, cumulative) in enumerate(rows, start=1)]
    return "\n".join(["component,variance_explained,cumulative_variance", *lines, ""])


def make_model_info(job: Reduction, fit: Fit, moments: Moments, labels: int, checks: list[Check]) -> dict[str, object]:
    """Return the content of model_info.json."""
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "pca_components": len(fit.ratios),
        "original_dimensions": len(moments.total),
        "reduced_dimensions": len(fit.ratios),
        "total_variance_explained": float(fit.ratios.sum()),
        "variance_by_component": fit.ratios.tolist(),
        "cumulative_variance": np.cumsum(fit.ratios).tolist(),
        "num_images_processed": moments.count,
        "labels": labels,
        "errors": job.errors,
        "model": _describe_model(job),
        "checks": [check.as_json() for check in checks],
    }


def make_provenance(job: Reduction, fit: Fit, moments: Moments) -> dict[str, object]:
    """Return the content of pca.json, which orchard.io.fitted describes."""
    return {
        "features": job.features,
        "run": job.output,
        "images": moments.count,
        "dimensions": len(moments.total),
        "components": len(fit.ratios),
        "model": _describe_model(job),
    }


def _describe_model(job: Reduction) -> dict[str, str] | None:
    if job.model is None:
        return None
    return {"name": job.model.name, "weights": job.model.weights, "sha256": job.model.sha256}
