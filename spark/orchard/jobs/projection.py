"""The projection job: applies a fitted PCA to other features."""

from dataclasses import dataclass

from pyspark import SparkContext

from orchard.errors import JobError
from orchard.formatting import plural
from orchard.io import fitted
from orchard.io.storage import write_json
from orchard.io.uri import join
from orchard.io.vectors import FEATURES, Column, find_features
from orchard.jobs.reduction import Outcome, check_transformed, transform
from orchard.progress import Progress


@dataclass(frozen=True)
class Projection:
    """The parameters of a projection: URIs, and the column of the features.

    `model` is the output of a reduction, with the fitted PCA.
    """

    model: str
    features: str
    output: str
    column: Column = FEATURES


def run(context: SparkContext, job: Projection, progress: Progress) -> Outcome:
    """Write pca/{parquet,csv} and projection.json.

    projection.json has `images`, `components`, `pca` (the fitted PCA's provenance) and `checks`.

    Raises:
        JobError: There is no fitted PCA, or the features are missing, damaged, or differ from it in dimensions.
    """
    fit, provenance = fitted.load(job.model)
    dimensions, count = fit.components.shape
    features = find_features(job.features, job.column)
    images = features.rows
    progress.begin(images)
    found = features.read_sample(1).shape[1]
    if found != dimensions:
        raise JobError(
            f"{job.features} has {found} features an image, but the PCA {job.model} was fitted on {dimensions}"
        )

    transformed = transform(context, features, job.output, fit, progress, csv=True)
    checks = check_transformed(transformed, job.output, images, fit)
    document = {
        "images": images,
        "components": count,
        "pca": provenance,
        "checks": [check.as_json() for check in checks],
    }
    write_json(join(job.output, "projection.json"), document)
    return Outcome(f"{plural(images, 'image')} on {plural(count, 'component')}: {join(job.output, 'pca')}", checks)
