"""The projection job: applies a fitted PCA to other features."""

from dataclasses import dataclass

from pyspark import SparkContext

from orchard.errors import JobError
from orchard.io import fitted
from orchard.io.storage import locate_storage, write_json
from orchard.io.uri import join
from orchard.io.vectors import find_row_groups
from orchard.jobs.reduction import check_transformed, read_dimensions, transform
from orchard.progress import Progress


@dataclass(frozen=True)
class Projection:
    """The parameters of a projection, all URIs: `model` is the output of a reduction, with the fitted PCA."""

    model: str
    features: str
    output: str


def run(context: SparkContext, job: Projection, progress: Progress) -> str:
    """Write pca/{parquet,csv} and projection.json, and return a one-line summary.

    projection.json has `images`, `components`, `pca` (the fitted PCA's provenance) and `checks`.

    Raises:
        JobError: There is no fitted PCA, or the features are missing, damaged, or differ from it in dimensions.
    """
    fit, provenance = fitted.load(job.model)
    dimensions, count = fit.components.shape
    storage = locate_storage(job.features)
    groups = find_row_groups(job.features, storage)
    images = sum(group.rows for group in groups)
    progress.begin(images)
    found = read_dimensions(storage, groups[0])
    if found != dimensions:
        raise JobError(
            f"{job.features} has {found} features an image, but the PCA {job.model} was fitted on {dimensions}"
        )

    transformed = transform(context, storage, job.output, groups, fit, progress, csv=True)
    checks = check_transformed(transformed, job.output, images, fit)
    document = {
        "images": images,
        "components": count,
        "pca": provenance,
        "checks": [check.as_json() for check in checks],
    }
    write_json(join(job.output, "projection.json"), document)
    return f"{images} images on {count} components: {join(job.output, 'pca')}"
