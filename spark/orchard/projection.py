"""The projection job: a fitted PCA applied to other features."""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from orchard import fitted, outputs, storage
from orchard.checks import check_vectors
from orchard.errors import JobError
from orchard.progress import Progress
from orchard.reduction import REDUCED, dimensions_of, transform, write_reduced
from orchard.vectors import find_row_groups


@dataclass(frozen=True)
class Projection:
    """Which fitted PCA (the output of a reduction) to apply to which features, and where to. All are URIs."""

    model: str
    features: str
    output: str


def run(session: SparkSession, job: Projection, progress: Progress) -> str:
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

    write_reduced(transform(session, job.features, region, groups, fit, progress).persist(), job.output, csv=True)

    written = session.read.schema(REDUCED).parquet(storage.join(job.output, "pca", "parquet"))
    checks = check_vectors(written, "pca_features", images, count)
    document = {
        "images": images,
        "components": count,
        "pca": provenance,
        "checks": [check.as_json() for check in checks],
    }
    outputs.write_json(document, storage.join(job.output, "projection.json"))
    return f"{images} images on {count} components: {storage.join(job.output, 'pca')}"
