"""Makes the model artifact: a model as a file that the job runs, and its description.

`python spark/make_model.py --output .orchard/model [--force] [--name NAME] [--input-size PIXELS] [--weights FILE]
[--weights-sha256 HEX]`
`python spark/make_model.py --output FOLDER --file MODEL --preprocess tf|torch|caffe|none [--input-size PIXELS]`

It runs once, on a machine with TensorFlow; Spark's workers need only LiteRT. The weights are Keras's for ImageNet, or
come from a file. If Keras's weights cannot be downloaded, the weights are seeded random numbers: everything runs, but
the features mean nothing.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from keras_models import (
    DEFAULT_NAME,
    build,
    convert,
    find_preprocessing,
    input_size,
    make_pictures,
    weights_url,
)
from model_file import Signature, find_format, read_signature
from model_weights import (
    URL_VARIABLE,
    DownloadError,
    ModelError,
    Weights,
    check_digest,
    find_weights,
    read_weights,
)
from orchard.model.litert import LiteRtExtractor
from orchard.model.preprocessing import PREPROCESSINGS
from orchard.model.tensors import Features, Image

# The largest allowed difference of a feature between LiteRT and Keras, where features are at most 1: both compute some
# fifty layers in float32, but add in different orders.
TOLERANCE = 1e-4
PICTURES = 8
# CPU time of an image with MobileNetV2 on one core of the machine on which the planner's rates were measured.
MOBILENET_SECONDS = 1 / 188


@dataclass(frozen=True)
class Request:
    """The model that a person asks for: a name in `keras.applications`, or a file with its preprocessing."""

    name: str = DEFAULT_NAME
    input_size: int | None = None
    weights: Path | None = None
    weights_sha256: str | None = None
    file: Path | None = None
    preprocessing: str | None = None


@dataclass(frozen=True)
class Artifact:
    """A model's file, and the content of model.json; lambdas/contract/model.ts describes its keys."""

    content: bytes
    description: dict[str, object]


@dataclass(frozen=True)
class Pretrained:
    """Weights in the order of Keras, "imagenet" or "file" for their origin, and the sha256 of their file."""

    weights: Weights
    origin: str
    sha256: str


def warn_of_seeded_weights(reason: str) -> None:
    """Tell on stderr that the model gets random weights."""
    print(
        "\n"
        "  ************************************************************************\n"
        "  * THE IMAGENET WEIGHTS COULD NOT BE DOWNLOADED.                        *\n"
        "  * The model gets SEEDED RANDOM weights: everything runs, but the       *\n"
        "  * features mean nothing. With a network, run                           *\n"
        "  * `orchard model --force`; without one, `orchard model --weights FILE` *\n"
        "  * takes Keras's weights from a file.                                   *\n"
        "  ************************************************************************\n"
        f"  ({reason})\n",
        file=sys.stderr,
    )


def load_pretrained_weights(request: Request) -> Pretrained | None:
    """Load the weights from a file or the network. If Keras's own cannot be downloaded, warn on stderr and return None.

    Raises:
        ModelError: The file has another digest or does not fit, or a download failed that the person asked for.
    """
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = find_weights(request.weights, Path(scratch), lambda: weights_url(request.name, request.input_size))
        except DownloadError as error:
            if request.weights_sha256 or os.environ.get(URL_VARIABLE):
                raise
            warn_of_seeded_weights(str(error))
            return None
        digest = check_digest(found, request.weights_sha256)
        print(f"model: the weights have the sha256 {digest}", file=sys.stderr)
        return Pretrained(
            read_weights(found.path, build(request.name, request.input_size), request.name), found.origin, digest
        )


def verify(content: bytes, signature: Signature, preprocessing: str, reference: Callable[[Image], Features]) -> float:
    """Return the largest difference between the features of LiteRT and of `reference` for random pictures.

    Raises:
        ModelError: The difference exceeds TOLERANCE, or the features do not vary from image to image.
    """
    extractor = LiteRtExtractor(content, signature.input_size, signature.layout)
    pictures = [PREPROCESSINGS[preprocessing](picture) for picture in make_pictures(signature.input_size, PICTURES)]
    found = np.stack([extractor.features(picture) for picture in pictures])
    expected = np.stack([reference(picture) for picture in pictures])
    difference = float(np.abs(found - expected).max())
    # Rounding errors grow with the features, which are large in some models.
    allowed = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= allowed:
        raise ModelError(f"LiteRT and Keras differ by {difference:.2e}; at most {allowed:.0e} is allowed")
    check_spread(found)
    return difference


def check_spread(features: npt.NDArray[np.float32]) -> None:
    """Refuse features (images, dimensions) that are nearly equal for all images.

    Raises:
        ModelError: The mean standard deviation of a feature is at most 1e-3.
    """
    spread = float(features.std(axis=0).mean())
    if not spread > 1e-3:
        raise ModelError(f"the features do not vary from image to image (mean deviation {spread:.2e})")


def is_current(folder: Path) -> bool:
    """Return whether `folder` has an artifact with the sha256 of its description."""
    try:
        description = json.loads((folder / "model.json").read_text())
        content = (folder / f"model.{description.get('format', 'tflite')}").read_bytes()
        return bool(hashlib.sha256(content).hexdigest() == description["sha256"])
    except (OSError, ValueError, KeyError):
        return False  # it is missing or unreadable


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that readers never see a part of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def make_from_keras(request: Request) -> Artifact:
    """Build a model of Keras, convert it, and compare both.

    Raises:
        ModelError: Keras has no such model, the converted one differs, or see `load_pretrained_weights`.
    """
    preprocessing = find_preprocessing(request.name)
    pretrained = load_pretrained_weights(request)
    size = request.input_size or input_size(request.name)
    model = build(request.name, size, pretrained.weights if pretrained else None)
    content = convert(model)
    signature = read_signature(content, size)
    difference = verify(content, signature, preprocessing, lambda image: model.predict_on_batch(image[np.newaxis])[0])
    print(f"model: LiteRT and Keras differ by at most {difference:.1e}", file=sys.stderr)
    is_default = request.name == DEFAULT_NAME and size == input_size(DEFAULT_NAME)
    relative_time = 1.0 if is_default else measure(content, signature)

    import tensorflow as tf  # noqa: PLC0415  after Keras, see load_keras

    return Artifact(
        content,
        {
            "name": request.name,
            "weights": pretrained.origin if pretrained else "seeded",
            "weightsSha256": pretrained.sha256 if pretrained else None,
            **describe(content, "tflite", signature, preprocessing, relative_time),
            "tensorflow": tf.__version__,
        },
    )


def make_from_file(request: Request, file: Path) -> Artifact:
    """Take a model from a file, after running it once.

    Raises:
        ModelError: The job cannot run the file, or its features do not vary.
    """
    if request.preprocessing is None:
        raise ModelError(f"--preprocess is missing; allowed: {', '.join(PREPROCESSINGS)}")
    format = find_format(file)
    content = file.read_bytes()
    signature = read_signature(content, request.input_size)
    extractor = LiteRtExtractor(content, signature.input_size, signature.layout)
    verify(content, signature, request.preprocessing, extractor.features)
    description = describe(content, format, signature, request.preprocessing, measure(content, signature))
    weights = {"weights": "file", "weightsSha256": description["sha256"]}
    return Artifact(content, {"name": file.stem, **weights, **description})


def measure(content: bytes, signature: Signature) -> float:
    """Return the least CPU time that an image takes, relative to MobileNetV2.

    The planner needs it for its quote and the time limit of the features step.
    """
    extractor = LiteRtExtractor(content, signature.input_size, signature.layout)
    seconds = []
    for picture in make_pictures(signature.input_size, PICTURES):
        started = time.process_time()
        extractor.features(picture)
        seconds.append(time.process_time() - started)
    return round(max(min(seconds) / MOBILENET_SECONDS, 0.01), 2)


def describe(
    content: bytes, format: str, signature: Signature, preprocessing: str, relative_time: float
) -> dict[str, object]:
    """Return the keys of model.json that the file and its input determine."""
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "format": format,
        "inputSize": signature.input_size,
        "dimensions": signature.dimensions,
        "preprocessing": preprocessing,
        "layout": signature.layout,
        "relativeTime": relative_time,
    }


def make(folder: Path, request: Request) -> dict[str, object]:
    """Make the model's file and model.json in `folder`, and return the description.

    Raises:
        ModelError: See `make_from_keras` and `make_from_file`.
    """
    artifact = make_from_file(request, request.file) if request.file else make_from_keras(request)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"model.{artifact.description['format']}", artifact.content)
    # The description is written last: its presence means that the artifact is complete.
    write_atomically(folder / "model.json", (json.dumps(artifact.description, indent=2) + "\n").encode())
    return artifact.description


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, or 1 if the artifact could not be made."""
    parser = argparse.ArgumentParser(description="Makes the model artifact.")
    parser.add_argument("--output", type=Path, required=True, help="the folder of the model's file and model.json")
    parser.add_argument("--force", action="store_true", help="make it again even if it exists")
    parser.add_argument("--name", default=DEFAULT_NAME, help="a model of keras.applications")
    parser.add_argument("--weights", type=Path, help="a file of weights, Keras's .h5 or .weights.h5 without classifier")
    parser.add_argument("--weights-sha256", help="the digest that the file of weights must have")
    parser.add_argument("--file", type=Path, help="a model that is ready to run, .tflite, instead of one of Keras")
    parser.add_argument("--input-size", type=int, help="width and height of the model's input in pixels")
    parser.add_argument("--preprocess", choices=PREPROCESSINGS, help="how a file's model wants its pixels")
    options = parser.parse_args(arguments)
    if not options.force and is_current(options.output):
        print(f"model: {options.output} already exists", file=sys.stderr)
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    request = Request(
        options.name, options.input_size, options.weights, options.weights_sha256, options.file, options.preprocess
    )
    try:
        description = make(options.output, request)
    except ModelError as error:
        print(f"orchard: error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(description))
    return 0


if __name__ == "__main__":
    sys.exit(main())
