"""The reduction job: the features' principal components, and a report on them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from orchard import fitted, outputs, pca, storage
from orchard.arrow import map_in_arrow, numbers
from orchard.checks import Check, check_variance, check_vectors
from orchard.pca import Fit, Moments
from orchard.plan import Components, Model, Plan
from orchard.progress import Progress
from orchard.session import cores
from orchard.vectors import RowGroup, find_row_groups, matrix, read_row_groups

MOMENTS = StructType(
    [
        StructField("group", LongType()),
        StructField("count", LongType()),
        StructField("total", BinaryType()),
        StructField("triangle", BinaryType()),
    ]
)
ARROW_MOMENTS = to_arrow_schema(MOMENTS)
REDUCED = StructType(
    [
        StructField("path", StringType()),
        StructField("label", StringType()),
        StructField("pca_features", ArrayType(DoubleType())),
    ]
)
ARROW_REDUCED = to_arrow_schema(REDUCED)
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


def run(session: SparkSession, job: Reduction, progress: Progress) -> str:
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

    moments = sum_moments(session, job.features, region, groups)
    fit = pca.fit(moments, job.components)

    reduced = transform(session, job.features, region, groups, fit, progress).persist()
    write_reduced(reduced, job.output, csv=job.csv)

    written = session.read.schema(REDUCED).parquet(storage.join(job.output, "pca", "parquet"))
    expected = images if job.expected_images is None else job.expected_images
    checks = check_vectors(written, "pca_features", expected, len(fit.ratios))
    checks.append(check_variance(float(fit.ratios.sum()), job.min_variance))
    labels = written.agg(sf.count_distinct("label").alias("labels")).collect()[0]["labels"]
    info = storage.join(job.output, "model_info")
    storage.write_bytes(storage.join(info, "variance.csv"), variance_csv(fit).encode())
    fitted.save(fit, provenance(job, fit, moments), info)
    outputs.write_json(model_info(job, fit, moments, labels, checks), storage.join(info, "model_info.json"))
    return (
        f"{len(fit.ratios)} components explain {fit.ratios.sum():.6f} of the variance of {images} images: {job.output}"
    )


def dimensions_of(uri: str, region: str | None, group: RowGroup) -> int:
    """How many features the first image has."""
    first = next(read_row_groups(uri, region, iter([group]), ["features"])).slice(0, 1)
    return len(matrix(first, group.path)[0])


def sum_moments(session: SparkSession, uri: str, region: str | None, groups: list[RowGroup]) -> Moments:
    """The sums over all rows. They are added in the files' order, so that the same features give the same bits.

    Raises:
        JobError: rows of unequal length, missing or not finite.
    """
    tasks = min(len(groups), cores(session), MAX_SUMMING_TASKS)

    def sum_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        chosen = list(numbers(batches))
        moments: Moments | None = None
        tables = read_row_groups(uri, region, (groups[number] for number in chosen), ["features"])
        for number, table in zip(chosen, tables, strict=True):
            where = groups[number].path
            rows = matrix(table, where, None if moments is None else len(moments.total))
            moments = Moments.zero(rows.shape[1]) if moments is None else moments
            moments.add_rows(rows)
        if moments is not None:
            total, triangle = moments.to_bytes()
            row = {"group": chosen[0], "count": moments.count, "total": total, "triangle": triangle}
            yield pa.RecordBatch.from_pylist([row], schema=ARROW_MOMENTS)

    rows = sorted(
        map_in_arrow(session.range(0, len(groups), 1, tasks), sum_groups, MOMENTS).collect(),
        key=lambda row: int(row["group"]),
    )
    parts = [Moments.from_bytes(row["count"], bytes(row["total"]), bytes(row["triangle"])) for row in rows]
    moments = parts[0]
    for part in parts[1:]:
        moments.add(part)
    return moments


def transform(  # noqa: PLR0917
    session: SparkSession, uri: str, region: str | None, groups: list[RowGroup], fit: Fit, progress: Progress
) -> DataFrame:
    """path, label, pca_features: each row's features (not centred) times the components, float64."""
    components = session.sparkContext.broadcast(fit.components)
    done = progress.done

    def transform_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        matrix_of_components = components.value
        dimensions, count = matrix_of_components.shape
        chosen = list(numbers(batches))
        columns = ["path", "label", "features"]
        tables = read_row_groups(uri, region, (groups[number] for number in chosen), columns)
        for number, table in zip(chosen, tables, strict=True):
            rows = matrix(table, groups[number].path, dimensions)
            values = pa.array((rows.astype(np.float64) @ matrix_of_components).ravel(), pa.float64())
            offsets = pa.array(np.arange(0, (len(rows) + 1) * count, count, dtype=np.int32), pa.int32())
            arrays = [
                table.column("path").cast(pa.string()).combine_chunks(),
                table.column("label").cast(pa.string()).combine_chunks(),
                pa.ListArray.from_arrays(offsets, values),
            ]
            yield from pa.Table.from_arrays(arrays, schema=ARROW_REDUCED).to_batches()
            done.add(len(rows))

    tasks = min(len(groups), 2 * cores(session))
    return map_in_arrow(session.range(0, len(groups), 1, tasks), transform_groups, REDUCED)


def write_reduced(reduced: DataFrame, output: str, *, csv: bool) -> None:
    """Writes pca/parquet under `output`, and pca/csv when it is wanted."""
    folder = storage.join(output, "pca")
    outputs.write_parquet(reduced, storage.join(folder, "parquet"))
    if csv:
        outputs.write_csv(reduced_as_text(reduced), storage.join(folder, "csv"))


def reduced_as_text(reduced: DataFrame) -> DataFrame:
    """path, label, pca_features_string"""
    return reduced.select("path", "label", outputs.joined(sf.col("pca_features")).alias("pca_features_string"))


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
    """The content of pca.json: see orchard.fitted."""
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
