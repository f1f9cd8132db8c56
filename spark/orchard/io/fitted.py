"""The fitted PCA as files: what `project` needs to treat other images as those that the fit was made from.

- `pca.npz` (numpy.savez, nothing pickled), float64, d dimensions and k components:
  `components` (d, k), one a column; `mean` (d,); `explained_variance` (k,); `explained_variance_ratio` (k,).
- `pca.json`: where it comes from. `features` and `run` (URIs), `images`, `dimensions`, `components`, and `model`:
  name, weights and sha256 of the model that made the features, null where that is not known.

A projection is rows @ components, without centring, as pyspark.ml.feature.PCA's transform; who wants centred values
subtracts mean @ components. Both files have the same bytes when the fit has.
"""

import io
import json
import zipfile
from typing import Any

import numpy as np

from orchard.errors import JobError
from orchard.io import storage
from orchard.pca import Fit

ARRAYS = "pca.npz"
PROVENANCE = "pca.json"


def save(fit: Fit, provenance: dict[str, object], folder: str) -> None:
    """Writes pca.npz and pca.json into `folder`, a URI."""
    content = io.BytesIO()
    np.savez(
        content,
        components=fit.components,
        mean=fit.mean,
        explained_variance=fit.variances,
        explained_variance_ratio=fit.ratios,
    )
    storage.write_bytes(storage.join(folder, ARRAYS), content.getvalue())
    storage.write_json(storage.join(folder, PROVENANCE), provenance)


def load(uri: str) -> tuple[Fit, dict[str, Any]]:
    """The fit and its provenance. `uri` is the output of a reduction, or the folder model_info in it.

    Raises:
        JobError: there is no fitted PCA, or its files are damaged.
    """
    for folder in (storage.join(uri, "model_info"), uri.rstrip("/")):
        if storage.exists(storage.join(folder, ARRAYS)):
            return _load(folder)
    raise JobError(f"{uri} has no fitted PCA ({ARRAYS}, there or in model_info/); npm run reduce makes one")


def _load(folder: str) -> tuple[Fit, dict[str, Any]]:
    content = storage.read_bytes(storage.join(folder, ARRAYS))
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            fit = Fit(
                arrays["components"], arrays["mean"], arrays["explained_variance"], arrays["explained_variance_ratio"]
            )
        provenance: dict[str, Any] = json.loads(storage.read_bytes(storage.join(folder, PROVENANCE)))
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise JobError(f"the fitted PCA in {folder} is damaged: {type(error).__name__}: {error}") from None
    return fit, provenance
