"""Finds, downloads and reads the pretrained weights of the model.

Their file is the one that the person names, or else the one at ORCHARD_WEIGHTS_URL, or else Keras's own from Keras's
cache or address. This module does not need TensorFlow.
"""

import hashlib
import http.client
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

URL_VARIABLE = "ORCHARD_WEIGHTS_URL"
# Seconds without any byte, and seconds for the whole file, which has 9.4 MB for MobileNetV2.
STALL_SECONDS = 20.0
DOWNLOAD_SECONDS = 600.0

Weights = list[npt.NDArray[np.float32]]
KerasModel = Any  # Keras has no type hints


class ModelError(Exception):
    """The artifact could not be made. The message has the reason."""


class DownloadError(ModelError):
    """The weights could not be downloaded. The message has the address and the reason."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights: "imagenet" if it is Keras's own, or else "file", because its training is not known."""

    path: Path
    origin: str


@dataclass(frozen=True)
class StoredLayer:
    """A layer of a file: its name, and its arrays in Keras's order."""

    name: str
    arrays: list[npt.NDArray[Any]]


def keras_cache() -> Path:
    """Return the folder in which Keras keeps downloaded weights."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


def find_weights(file: Path | None, scratch: Path, keras_url: Callable[[], str]) -> WeightsFile:
    """Find the file of weights, and download it if needed.

    Args:
        file: The file that the person named; by default, ORCHARD_WEIGHTS_URL or Keras's own weights.
        scratch: An existing folder for a download that is not kept.
        keras_url: Returns the address of Keras's own weights.

    Raises:
        DownloadError: The file could not be downloaded.
        ModelError: `file` does not exist.
    """
    if file:
        if not file.is_file():
            raise ModelError(f"the weights {file} are not a file; allowed: Keras's .h5 or .weights.h5")
        return WeightsFile(file, "file")
    url = os.environ.get(URL_VARIABLE)
    if url:
        target = scratch / "weights.h5"
        download(url, target)
        return WeightsFile(target, "file")
    own = keras_url()
    cached = keras_cache() / Path(own).name
    if not cached.is_file():
        downloaded = scratch / cached.name
        download(own, downloaded)
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            partial = cached.with_name(f"{cached.name}.{os.getpid()}.partial")
            shutil.copyfile(downloaded, partial)
            partial.replace(cached)
        except OSError as error:
            print(f"model: the weights are not kept in Keras's cache: {error}", file=sys.stderr)
            return WeightsFile(downloaded, "imagenet")
    return WeightsFile(cached, "imagenet")


def download(url: str, target: Path, stall: float | None = None, limit: float | None = None) -> None:
    """Download a file, which exists afterwards only if it is complete.

    Args:
        url: An address of http or https.
        target: The new file.
        stall: Allowed seconds without any byte, STALL_SECONDS by default.
        limit: Allowed seconds for the whole file, DOWNLOAD_SECONDS by default.

    Raises:
        DownloadError: The server does not answer, answers with an error, is too slow, or closes the connection early.
    """
    shown = url.partition("?")[0]  # a presigned query is a secret
    stall, limit = stall or STALL_SECONDS, limit or DOWNLOAD_SECONDS
    if not url.startswith(("https://", "http://")):
        raise DownloadError(f"{URL_VARIABLE}: given {shown!r}; allowed: an address of http or https")
    end = time.monotonic() + limit
    partial = target.with_name(f"{target.name}.partial")
    try:
        with urllib.request.urlopen(url, timeout=stall) as response, partial.open("wb") as output:
            announced = response.headers.get("Content-Length")
            while block := response.read1(1 << 16):
                output.write(block)
                if time.monotonic() > end:
                    raise DownloadError(f"{shown} sent {output.tell()} bytes in {limit:.0f} s, which is too slow")
            received = output.tell()
        # http.client does not report an early end of a response that is read in blocks.
        if announced is not None and received != int(announced):
            raise DownloadError(f"{shown} ended after {received} of {announced} bytes")
        partial.replace(target)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DownloadError(f"{shown}: {' '.join(str(error).split())}") from error
    finally:
        partial.unlink(missing_ok=True)


def check_digest(file: WeightsFile, expected: str | None) -> str:
    """Return the sha256 of a file of weights after comparing it with the expected one, if any.

    Raises:
        ModelError: The file has another content.
    """
    actual = hashlib.sha256(file.path.read_bytes()).hexdigest()
    if expected is not None and actual != expected.lower():
        raise ModelError(f"the weights {file.path} have the sha256 {actual}, expected {expected}; use another file")
    return actual


def read_weights(path: Path, model: KerasModel, name: str) -> Weights:
    """Read the weights of a model of `keras.applications` from a file in Keras's format .weights.h5, or the older .h5.

    Raises:
        ModelError: The file is damaged or of another format, or a layer does not fit; the message names the first.
    """
    layers = [layer for layer in model.layers if layer.weights]
    try:
        with h5py.File(path) as file:
            root = file.get("model_weights", file)  # the older format of a whole model
            if "layer_names" in root.attrs:
                stored = _read_older(root)
            elif "layers" in root:
                stored = _read_current(root["layers"], model)
            else:
                raise ModelError(f"{path} has no weights of Keras; allowed: Keras's .h5 or .weights.h5")
    except (OSError, KeyError, ValueError, RuntimeError) as error:  # h5py raises these for a damaged file
        raise ModelError(f"the weights {path} cannot be read; delete or replace the file ({error})") from error
    _check_fit(path, layers, stored, name)
    return [array.astype(np.float32) for layer in stored for array in layer.arrays]


def _read_older(root: Any) -> list[StoredLayer]:  # noqa: ANN401
    """Read the layers that have weights, in the file's order, by which Keras assigns them."""
    layers = []
    for name in map(_text, root.attrs["layer_names"]):
        group = root[name]
        arrays = [np.asarray(group[_text(weight)]) for weight in group.attrs["weight_names"]]
        if arrays:
            layers.append(StoredLayer(name, arrays))
    return layers


def _read_current(groups: Any, model: KerasModel) -> list[StoredLayer]:  # noqa: ANN401
    """Read the layers that have weights, in the model's order, and after them those that the model lacks.

    A group is named after its layer's class and number. To learn these names, this lets Keras write the model's own
    weights.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.weights.h5"
        model.save_weights(own)
        with h5py.File(own) as file:
            names = {_text(group["vars"].attrs["name"]): key for key, group in file["layers"].items()}
    order = [names[layer.name] for layer in model.layers if layer.weights]
    found = {}
    for key, group in groups.items():
        variables = group.get("vars", {})
        arrays = [np.asarray(variables[number]) for number in sorted(variables, key=int)]
        if arrays:
            found[key] = StoredLayer(_text(variables.attrs.get("name", key)), arrays)
    known = [found.pop(key, StoredLayer(key, [])) for key in order]
    return known + list(found.values())


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _check_fit(path: Path, layers: list[Any], stored: list[StoredLayer], name: str) -> None:
    """Compare the shapes of the model's layers with those of the file's.

    Raises:
        ModelError: A layer is missing, has other shapes, or is not in the model.
    """
    remedy = f"Use weights of {name} with include_top=False and Keras's default width"
    for number, layer in enumerate(layers):
        expected = [tuple(weight.shape) for weight in layer.weights]
        found = stored[number] if number < len(stored) else StoredLayer(layer.name, [])
        if not found.arrays:
            raise ModelError(f"{path} has no weights for the layer {layer.name}. {remedy}")
        shapes = [array.shape for array in found.arrays]
        if shapes != expected:
            given = layer.name if found.name == layer.name else f"{layer.name} ({found.name} in the file)"
            raise ModelError(
                f"{path} does not fit at the layer {given}: shapes {shapes}, expected {expected}. {remedy}"
            )
    if len(stored) > len(layers):
        raise ModelError(
            f"{path} has weights for the layer {stored[len(layers)].name}, which the model does not have. {remedy}"
        )
