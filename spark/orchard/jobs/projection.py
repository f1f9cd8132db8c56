"""The projection job: a fitted PCA applied to other features."""

from dataclasses import dataclass

from pyspark import SparkContext

from orchard.errors import JobError
from orchard.io import fitted, storage
from orchard.io.vectors import find_row_groups
from orchard.jobs.reduction import check_transformed, dimensions_of, transform
from orchard.progress import Progress


@dataclass(frozen=True)
class Projection:
    """Which fitted PCA (the output of a reduction) to apply to which features, and where to. All are URIs."""

    model: str
    features: str
    output: str


def run(context: SparkContext, job: Projection, progress: Progress) -> str:
    """Writes pca/{parquet,csv} and projection.json, and answers one line about it.

    projection.json: `images`, `components`, `pca` (the fitted PCA's provenance), `checks`.

    Raises:
        JobError: there is no fitted PCA, or the features are missing, damaged or of other dimensions than the PCA's.
    """
    fit, provenance = fitted.load(job.model)
    dimensions, count = fit.components.shape
    region = storage.region_of(job.features)
    groups = find_row_groups(job.features, region)
    images = sum(group.rows for group in groups)
    progress.begin(images)
    found = dimensions_of(job.features, region, groups[0])
    if found != dimensions:
        raise JobError(
            f"{job.features} has {found} features an image, but the PCA {job.model} was fitted on {dimensions}"
        )

    transformed = transform(context, job.features, job.output, groups, fit, progress, csv=True)
    checks = check_transformed(transformed, job.output, images, fit)
    document = {
        "images": images,
        "components": count,
        "pca": provenance,
        "checks": [check.as_json() for check in checks],
    }
    storage.write_json(storage.join(job.output, "projection.json"), document)
    return f"{images} images on {count} components: {storage.join(job.output, 'pca')}"
