"""Saves and loads a fitted PCA, so that the projection job can apply it to other images.

- `pca.npz` (numpy.savez, without pickle), float64 arrays for d dimensions and k components:
  `components` (d, k), one in each column; `mean` (d,); `explained_variance` (k,); `explained_variance_ratio` (k,).
- `pca.json`, the provenance: `features` and `run` (URIs), `images`, `dimensions`, `components`, and `model` (name,
  weights and sha256 of the model that computed the features, or null if unknown).

The projection is rows @ components without centering, as in pyspark.ml.feature.PCA; subtract mean @ components for
centered values. Equal fits give the same bytes in both files.
"""

import io
import json
import zipfile
from typing import Any

import numpy as np

from orchard.errors import JobError
from orchard.io.storage import open_storage, write_json
from orchard.io.uri import join
from orchard.pca import Fit

ARRAYS = "pca.npz"
PROVENANCE = "pca.json"


def save(fit: Fit, provenance: dict[str, object], folder: str) -> None:
    """Write pca.npz and pca.json into the folder with the URI `folder`."""
    content = io.BytesIO()
    np.savez(
        content,
        components=fit.components,
        mean=fit.mean,
        explained_variance=fit.variances,
        explained_variance_ratio=fit.ratios,
    )
    open_storage(folder).write_bytes(join(folder, ARRAYS), content.getvalue())
    write_json(join(folder, PROVENANCE), provenance)


def load(uri: str) -> tuple[Fit, dict[str, Any]]:
    """Load a fit and its provenance from the output of a reduction, or from the folder model_info in it.

    Raises:
        JobError: There is no fitted PCA, or its files are damaged.
    """
    for folder in (join(uri, "model_info"), uri.rstrip("/")):
        if open_storage(folder).exists(join(folder, ARRAYS)):
            return _load(folder)
    raise JobError(f"{uri} has no fitted PCA ({ARRAYS}, there or in model_info/); orchard reduce makes one")


def _load(folder: str) -> tuple[Fit, dict[str, Any]]:
    storage = open_storage(folder)
    content = storage.read_bytes(join(folder, ARRAYS))
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            fit = Fit(
                arrays["components"], arrays["mean"], arrays["explained_variance"], arrays["explained_variance_ratio"]
            )
        provenance: dict[str, Any] = json.loads(storage.read_bytes(join(folder, PROVENANCE)))
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise JobError(f"the fitted PCA in {folder} is damaged: {type(error).__name__}: {error}") from None
    return fit, provenance
