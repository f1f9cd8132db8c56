"""Makes the model artifact: MobileNetV2 as a LiteRT flat buffer, and its description.

`python spark/make_model.py --output .orchard/model [--force] [--weights FILE] [--weights-sha256 HEX]`

It runs once, on a machine with TensorFlow; Spark's workers need only LiteRT. The weights are those of ImageNet, or of
a file. If Keras's cannot be downloaded, the weights are seeded random numbers: everything runs, but the features mean
nothing.
"""

# TensorFlow takes seconds to load. Importing it on use keeps the check for an existing artifact fast.
# ruff: noqa: PLC0415

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from model_weights import (
    URL_VARIABLE,
    DownloadError,
    KerasModel,
    ModelError,
    Weights,
    check_digest,
    find_weights,
    read_weights,
)

INPUT_SIZE = 224
DIMENSIONS = 1280
SEED = 224
# The largest allowed difference of a feature between LiteRT and Keras: both compute some fifty layers in float32, but
# add in different orders.
TOLERANCE = 1e-4
# One image at a time is fastest on one thread, because its activations fit into the cache (measured: 188 images/s,
# against 180 in batches of 8 and 152 in batches of 32).
BATCH = 1


@dataclass(frozen=True)
class Pretrained:
    """Weights in the order of Keras, "imagenet" or "file" for their origin, and the sha256 of their file."""

    weights: Weights
    origin: str
    sha256: str


def load_keras() -> Any:  # noqa: ANN401
    """Import Keras with its defaults.

    The person's keras.json may name another backend, order of dimensions or precision, which would break or change the
    model. TensorFlow may import Keras, so this precedes each import of TensorFlow.
    """
    before = os.environ.get("KERAS_HOME")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with tempfile.TemporaryDirectory() as home:
        os.environ["KERAS_HOME"] = home
        try:
            from tensorflow import keras

            keras.config  # noqa: B018  the import happens on the first use
        finally:
            if before is None:
                del os.environ["KERAS_HOME"]
            else:
                os.environ["KERAS_HOME"] = before
    return keras


def build(weights: Weights | None = None) -> KerasModel:
    """Build MobileNetV2 without its classifier: float32 (BATCH, 224, 224, 3) in [-1, 1] to float32 (BATCH, 1280).

    Args:
        weights: In the order of Keras; seeded random ones by default.
    """
    keras = load_keras()
    # The flat buffer has the names of layers, which Keras numbers on from the last model unless its session is cleared.
    keras.utils.clear_session()
    model = keras.applications.MobileNetV2(
        weights=None,
        include_top=False,
        pooling="avg",
        input_tensor=keras.Input(batch_shape=(BATCH, INPUT_SIZE, INPUT_SIZE, 3)),
    )
    model.set_weights(make_seeded_weights(model) if weights is None else weights)
    return model


def make_seeded_weights(model: KerasModel) -> Weights:
    """Generate random weights for `model`, determined by SEED.

    With Keras's own initialization, features vanish (about 1e-12) when batch normalization is in inference mode. These
    weights preserve the variance from layer to layer, so that different images give different features: 2 / fan-in
    before a rectifier (He et al. 2015, equation 10), and 1 / fan-in before the linear bottlenecks.
    """
    keras = load_keras()
    random = np.random.default_rng(SEED)

    def normal(deviation: float, shape: Sequence[int]) -> npt.NDArray[np.float32]:
        return random.normal(0.0, deviation, shape).astype(np.float32)

    weights: Weights = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            height, width, channels, multiplier = layer.kernel.shape
            weights.append(normal(np.sqrt(2 / (height * width)), (height, width, channels, multiplier)))
        elif isinstance(layer, keras.layers.Conv2D):
            height, width, channels, filters = layer.kernel.shape
            gain = 1 if layer.name.endswith("project") else 2
            weights.append(normal(np.sqrt(gain / (height * width * channels)), (height, width, channels, filters)))
        elif isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            one, zero = np.ones(count, np.float32), np.zeros(count, np.float32)
            weights += [one, normal(0.1, (count,)), zero, one]  # gamma, beta, moving mean, moving variance
    return weights


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


def load_pretrained_weights(file: Path | None = None, sha256: str | None = None) -> Pretrained | None:
    """Load the weights from a file or the network. If Keras's own cannot be downloaded, warn on stderr and return None.

    Args:
        file: A file of weights; by default, that of ORCHARD_WEIGHTS_URL, or Keras's own.
        sha256: Hexadecimal digest that the file must have; by default, any.

    Raises:
        ModelError: The file has another digest or does not fit, or a download failed that the person asked for.
    """
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = find_weights(file, Path(scratch))
        except DownloadError as error:
            if sha256 or os.environ.get(URL_VARIABLE):
                raise
            warn_of_seeded_weights(str(error))
            return None
        digest = check_digest(found, sha256)
        print(f"model: the weights have the sha256 {digest}", file=sys.stderr)
        return Pretrained(read_weights(found.path, build()), found.origin, digest)


def convert(model: KerasModel) -> bytes:
    """Convert a Keras model to a LiteRT flat buffer in float32."""
    import tensorflow as tf

    # The converter prints hundreds of lines about the model's variables.
    with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null):
        buffer: bytes = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    return buffer


def verify(buffer: bytes, model: KerasModel) -> float:
    """Return the largest difference between the features of LiteRT and Keras for eight random images.

    Raises:
        ModelError: The difference exceeds TOLERANCE, or the features do not vary from image to image.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=buffer, num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    random = np.random.default_rng(SEED)
    largest, rows = 0.0, []
    for _ in range(8):
        # Coarse squares, because white noise averages out to the same features for every image.
        coarse = random.uniform(-1, 1, (BATCH, 7, 7, 3)).astype(np.float32)
        image = coarse.repeat(INPUT_SIZE // 7, axis=1).repeat(INPUT_SIZE // 7, axis=2)
        interpreter.set_tensor(source, image)
        interpreter.invoke()
        features = interpreter.get_tensor(target)
        largest = max(largest, float(np.abs(features - model.predict_on_batch(image)).max()))
        rows.append(features)
    if not largest <= TOLERANCE:
        raise ModelError(f"LiteRT and Keras differ by {largest:.2e}; at most {TOLERANCE:.0e} is allowed")
    check_spread(np.concatenate(rows))
    return largest


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
    artifact, description = folder / "model.tflite", folder / "model.json"
    if not (artifact.exists() and description.exists()):
        return False
    try:
        expected = json.loads(description.read_text())["sha256"]
    except (ValueError, KeyError):
        return False  # an unreadable description
    return bool(hashlib.sha256(artifact.read_bytes()).hexdigest() == expected)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that readers never see a part of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def make(folder: Path, file: Path | None = None, weights_sha256: str | None = None) -> dict[str, object]:
    """Make model.tflite and model.json in `folder`, and return the description.

    Raises:
        ModelError: The converted model differs from Keras, or see `load_pretrained_weights`.
    """
    pretrained = load_pretrained_weights(file, weights_sha256)
    model = build(pretrained.weights if pretrained else None)
    buffer = convert(model)
    difference = verify(buffer, model)

    import tensorflow as tf  # after Keras, see load_keras

    description: dict[str, object] = {
        "name": "MobileNetV2",
        "weights": pretrained.origin if pretrained else "seeded",
        "weightsSha256": pretrained.sha256 if pretrained else None,
        "sha256": hashlib.sha256(buffer).hexdigest(),
        "bytes": len(buffer),
        "inputSize": INPUT_SIZE,
        "dimensions": DIMENSIONS,
        "tensorflow": tf.__version__,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "model.tflite", buffer)
    # The description is written last: its presence means that the artifact is complete.
    write_atomically(folder / "model.json", (json.dumps(description, indent=2) + "\n").encode())
    print(f"model: LiteRT and Keras differ by at most {difference:.1e}", file=sys.stderr)
    return description


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, or 1 if the artifact could not be made."""
    parser = argparse.ArgumentParser(description="Makes the model artifact.")
    parser.add_argument("--output", type=Path, required=True, help="the folder of model.tflite and model.json")
    parser.add_argument("--force", action="store_true", help="make it again even if it exists")
    parser.add_argument("--weights", type=Path, help="a file of weights, Keras's .h5 or .weights.h5 without classifier")
    parser.add_argument("--weights-sha256", help="the digest that the file of weights must have")
    options = parser.parse_args(arguments)
    if not options.force and is_current(options.output):
        print(f"model: {options.output} already exists", file=sys.stderr)
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        description = make(options.output, options.weights, options.weights_sha256)
    except ModelError as error:
        print(f"orchard: error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(description))
    return 0


if __name__ == "__main__":
    sys.exit(main())
