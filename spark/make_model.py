"""Makes the model artifact: MobileNetV2 as a LiteRT flat buffer, and a description of it.

`python spark/make_model.py --output .orchard/model [--force]`

Runs where TensorFlow is, once; Spark's workers need LiteRT alone. ImageNet weights are used where they can be had.
Where not, the weights are random but seeded: everything works, and the features mean nothing.
"""

# TensorFlow takes seconds to load: it is imported where it is used, so that an artifact that is there is quick to see.
# ruff: noqa: PLC0415

import argparse
import contextlib
import hashlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

INPUT_SIZE = 224
DIMENSIONS = 1280
SEED = 224
# Float32 through some fifty layers; the two implementations differ in the order of their sums.
TOLERANCE = 1e-4
# One image at a time is the fastest on one thread (188 images/s against 180 in batches of 8 and 152 in batches of 32):
# the activations of one image fit into the cache.
BATCH = 1

Weights = list[npt.NDArray[np.float32]]
KerasModel = Any  # Keras has no type hints


class ModelError(Exception):
    """The artifact could not be made; the message says why."""


def build(weights: Weights | None = None) -> KerasModel:
    """MobileNetV2 without its classifier: float32 (BATCH, 224, 224, 3) in [-1, 1] to float32 (BATCH, 1280)."""
    from tensorflow import keras

    # The names of layers go into the flat buffer, and Keras counts them up from the last model that it made.
    keras.utils.clear_session()
    model = keras.applications.MobileNetV2(
        weights=None,
        include_top=False,
        pooling="avg",
        input_tensor=keras.Input(batch_shape=(BATCH, INPUT_SIZE, INPUT_SIZE, 3)),
    )
    model.set_weights(seeded_weights(model) if weights is None else weights)
    return model


def seeded_weights(model: KerasModel) -> Weights:
    """Random weights for `model`, the same ones for the same SEED.

    Keras's own initialisation makes the features vanish (about 1e-12) when batch normalisation is at inference. These
    keep the variance from layer to layer (He et al. 2015, equation 10: 2 / fan-in before a rectifier; 1 / fan-in
    before the linear bottlenecks), so that different images give different features.
    """
    from tensorflow import keras

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


def imagenet_weights() -> Weights | None:
    """Keras's ImageNet weights, downloaded or from its cache; None, said loudly on stderr, when they cannot be had."""
    from tensorflow import keras

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)  # without it an unanswered connection holds for minutes
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the description alone
            model = keras.applications.MobileNetV2(
                weights="imagenet", include_top=False, pooling="avg", input_shape=(INPUT_SIZE, INPUT_SIZE, 3)
            )
    # Keras raises a bare Exception when a download fails.
    except Exception as error:  # noqa: BLE001
        reason = " ".join(str(error).split())
        print(
            "\n"
            "  ************************************************************************\n"
            "  * THE IMAGENET WEIGHTS COULD NOT BE DOWNLOADED.                        *\n"
            "  * The model gets SEEDED RANDOM weights: everything runs, but the       *\n"
            "  * features mean nothing. With a network, run `npm run model` again.    *\n"
            "  ************************************************************************\n"
            f"  ({reason})\n",
            file=sys.stderr,
        )
        return None
    finally:
        socket.setdefaulttimeout(before)
    weights: Weights = model.get_weights()
    return weights


def convert(model: KerasModel) -> bytes:
    """The float32 LiteRT flat buffer of a Keras model."""
    import tensorflow as tf

    # The converter prints hundreds of lines on the model's variables.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        buffer: bytes = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    return buffer


def verify(buffer: bytes, model: KerasModel) -> float:
    """The largest difference between LiteRT and Keras over eight images of random pixels.

    Raises:
        ModelError: it is above TOLERANCE, or the features do not vary from image to image.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=buffer, num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    random = np.random.default_rng(SEED)
    largest, rows = 0.0, []
    for _ in range(8):
        # Coarse squares rather than white noise, which averages out to the same features for every image.
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
    """Refuses features (images, dimensions) that are the same for every image.

    Raises:
        ModelError: they are.
    """
    spread = float(features.std(axis=0).mean())
    if not spread > 1e-3:
        raise ModelError(f"the features do not vary from image to image (mean deviation {spread:.2e})")


def is_current(folder: Path) -> bool:
    """Whether `folder` holds an artifact that agrees with its description."""
    artifact, description = folder / "model.tflite", folder / "model.json"
    if not (artifact.exists() and description.exists()):
        return False
    try:
        expected = json.loads(description.read_text())["sha256"]
    except (ValueError, KeyError):
        return False  # a description that cannot be read is made again
    return bool(hashlib.sha256(artifact.read_bytes()).hexdigest() == expected)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file that is never seen half-written."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def make(folder: Path) -> dict[str, object]:
    """Makes model.tflite and model.json in `folder`, and answers the description.

    Raises:
        ModelError: the converted model disagrees with Keras.
    """
    import tensorflow as tf

    weights = imagenet_weights()
    model = build(weights)
    buffer = convert(model)
    difference = verify(buffer, model)
    description: dict[str, object] = {
        "name": "MobileNetV2",
        "weights": "seeded" if weights is None else "imagenet",
        "sha256": hashlib.sha256(buffer).hexdigest(),
        "bytes": len(buffer),
        "inputSize": INPUT_SIZE,
        "dimensions": DIMENSIONS,
        "tensorflow": tf.__version__,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "model.tflite", buffer)
    # The description is last: with it, the artifact is whole.
    write_atomically(folder / "model.json", (json.dumps(description, indent=2) + "\n").encode())
    print(f"model: LiteRT and Keras differ by at most {difference:.1e}", file=sys.stderr)
    return description


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit code is 1 when the artifact could not be made."""
    parser = argparse.ArgumentParser(description="Makes the model artifact.")
    parser.add_argument("--output", type=Path, required=True, help="the folder of model.tflite and model.json")
    parser.add_argument("--force", action="store_true", help="make it again although it is there")
    options = parser.parse_args(arguments)
    if not options.force and is_current(options.output):
        print(f"model: {options.output} is there already", file=sys.stderr)
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        description = make(options.output)
    except ModelError as error:
        print(f"orchard: error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(description))
    return 0


if __name__ == "__main__":
    sys.exit(main())
