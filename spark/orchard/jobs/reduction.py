"""The reduction job: the features' principal components, and a report on them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from pyspark import SparkContext

from orchard import pca
from orchard.arrow import prepare_worker
from orchard.checks import Check, Found, check_variance, check_vectors, merged
from orchard.io import fitted, parts, storage
from orchard.io.vectors import RowGroup, find_row_groups, matrix, read_row_groups
from orchard.pca import Fit, Moments
from orchard.plan import Components, Model, Plan
from orchard.progress import Progress
from orchard.session import cores

ARROW_REDUCED = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("label", pa.string()),
        pa.field("pca_features", pa.list_(pa.float64())),
    ]
)
# Each task sends 6.6 MB of sums to the driver, which takes at most 1 GB (spark.driver.maxResultSize).
MAX_SUMMING_TASKS = 96


@dataclass(frozen=True)
class Reduction:
    """What to reduce, to what, and where to. `features` and `output` are URIs."""

    features: str
    output: str
    components: Components
    csv: bool = True
    min_variance: float | None = None
    model: Model | None = None
    expected_images: int | None = None
    errors: int | None = None


def from_plan(plan: Plan) -> Reduction:
    """The reduction of a run, of its own features or of an earlier run's; their summary says how many there must be.

    Raises:
        JobError: there is no features/summary.json.
    """
    features = plan.features or storage.join(plan.run, "features", "parquet")
    summary = json.loads(storage.read_bytes(storage.join(features.rpartition("/")[0], "summary.json")))
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
    """Writes pca/{parquet,csv} and model_info/{model_info.json,variance.csv,pca.npz,pca.json}.

    Answers one line about it. What the checks find is written and does not stop the job: who reads model_info.json
    decides.

    Raises:
        JobError: there are no features, they are damaged, or more components are asked for than there can be.
    """
    region = storage.region_of(job.features)
    groups = find_row_groups(job.features, region)
    images = sum(group.rows for group in groups)
    progress.begin(images)
    pca.check_components(job.components, images, dimensions_of(job.features, region, groups[0]))

    moments = sum_moments(context, job.features, region, groups)
    fit = pca.fit(moments, job.components)

    transformed = transform(context, job.features, job.output, groups, fit, progress, csv=job.csv)
    expected = images if job.expected_images is None else job.expected_images
    checks = check_transformed(transformed, job.output, expected, fit)
    checks.append(check_variance(float(fit.ratios.sum()), job.min_variance))
    info = storage.join(job.output, "model_info")
    storage.write_bytes(storage.join(info, "variance.csv"), variance_csv(fit).encode())
    fitted.save(fit, provenance(job, fit, moments), info)
    storage.write_json(
        storage.join(info, "model_info.json"), model_info(job, fit, moments, len(transformed.labels), checks)
    )
    return (
        f"{len(fit.ratios)} components explain {fit.ratios.sum():.6f} of the variance of {images} images: {job.output}"
    )


def dimensions_of(uri: str, region: str | None, group: RowGroup) -> int:
    """How many features the first image has."""
    where, first = next(read_row_groups(uri, region, [group], ["features"]))
    return len(matrix(first.slice(0, 1), where)[0])


def sum_moments(context: SparkContext, uri: str, region: str | None, groups: list[RowGroup]) -> Moments:
    """The sums over all rows. They are added in the files' order, so that the same features give the same bits.

    Raises:
        JobError: rows of unequal length, missing or not finite.
    """
    tasks = min(len(groups), cores(context), MAX_SUMMING_TASKS)

    def sum_groups(numbers: Iterable[int]) -> Iterator[tuple[int, bytes, bytes]]:
        prepare_worker()
        chosen = [groups[number] for number in numbers]
        moments: Moments | None = None
        for where, batch in read_row_groups(uri, region, chosen, ["features"]):
            rows = matrix(batch, where, None if moments is None else len(moments.total))
            moments = Moments.zero(rows.shape[1]) if moments is None else moments
            moments.add_rows(rows)
        if moments is not None:
            yield moments.count, *moments.to_bytes()

    sums = context.parallelize(range(len(groups)), tasks).mapPartitions(sum_groups).collect()
    moments = Moments.from_bytes(*sums[0])
    for some in sums[1:]:
        moments.add(Moments.from_bytes(*some))
    return moments


@dataclass(frozen=True)
class Transformed:
    """What was found in the rows that a transformation wrote, and their labels."""

    found: Found
    labels: frozenset[str | None]


def transform(  # noqa: PLR0917
    context: SparkContext,
    uri: str,
    output: str,
    groups: list[RowGroup],
    fit: Fit,
    progress: Progress,
    *,
    csv: bool,
) -> Transformed:
    """Writes pca/{parquet,csv}: path, label, pca_features.

    These are each row's features (not centred) times the components, float64.
    """
    components = context.broadcast(fit.components)
    region, output_region = storage.region_of(uri), storage.region_of(output)
    folder = storage.join(output, "pca")
    parts.begin(folder)
    done = progress.done

    def transform_groups(task: int, numbers: Iterable[int]) -> Iterator[Transformed]:
        prepare_worker()
        matrix_of_components = components.value
        dimensions, count = matrix_of_components.shape
        writer = parts.Writer(folder, output_region, task, count, csv=csv)
        labels: set[str | None] = set()
        chosen = [groups[number] for number in numbers]
        columns = ["path", "label", "features"]
        for where, batch in read_row_groups(uri, region, chosen, columns):
            rows = matrix(batch, where, dimensions)
            values = pa.array((rows.astype(np.float64) @ matrix_of_components).ravel(), pa.float64())
            offsets = pa.array(np.arange(0, (len(rows) + 1) * count, count, dtype=np.int32), pa.int32())
            names = [batch.column(name).cast(pa.string()) for name in ("path", "label")]
            vectors = pa.ListArray.from_arrays(offsets, values)
            writer.add(pa.RecordBatch.from_arrays([*names, vectors], schema=ARROW_REDUCED))
            labels.update(names[1].unique().to_pylist())
            done.add(len(rows))
        writer.flush()
        yield Transformed(writer.found, frozenset(labels))

    tasks = min(len(groups), 2 * cores(context))
    found = context.parallelize(range(len(groups)), tasks).mapPartitionsWithIndex(transform_groups).collect()
    return Transformed(merged(part.found for part in found), frozenset().union(*(part.labels for part in found)))


def check_transformed(transformed: Transformed, output: str, images: int, fit: Fit) -> list[Check]:
    """The checks of what `transform` wrote."""
    folder = storage.join(output, "pca", "parquet")
    return check_vectors(folder, storage.region_of(output), transformed.found, images, len(fit.ratios))


def variance_csv(fit: Fit) -> str:
    """component (from 1), variance_explained, cumulative_variance"""
    rows = zip(fit.ratios.tolist(), np.cumsum(fit.ratios).tolist(), strict=True)
    lines = [f"{number},{ratio!r},{cumulative!r}" for number, (ratio, cumulative) in enumerate(rows, start=1)]
    return "\n".join(["component,variance_explained,cumulative_variance", *lines, ""])


def model_info(job: Reduction, fit: Fit, moments: Moments, labels: int, checks: list[Check]) -> dict[str, object]:
    """The content of model_info.json."""
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
        "model": _model(job),
        "checks": [check.as_json() for check in checks],
    }


def provenance(job: Reduction, fit: Fit, moments: Moments) -> dict[str, object]:
    """The content of pca.json: see orchard.io.fitted."""
    return {
        "features": job.features,
        "run": job.output,
        "images": moments.count,
        "dimensions": len(moments.total),
        "components": len(fit.ratios),
        "model": _model(job),
    }


def _model(job: Reduction) -> dict[str, str] | None:
    if job.model is None:
        return None
    return {"name": job.model.name, "weights": job.model.weights, "sha256": job.model.sha256}
