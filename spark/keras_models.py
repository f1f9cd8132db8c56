"""Builds the models of `keras.applications` without their classifiers, and converts them to LiteRT flat buffers."""

# TensorFlow takes seconds to load. Importing it on use keeps the check for an existing artifact fast.
# ruff: noqa: PLC0415

import contextlib
import difflib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from model_weights import KerasModel, ModelError, Weights
from orchard.model.preprocessing import PREPROCESSINGS

DEFAULT_NAME = "MobileNetV2"
# Width and height of the images, in pixels, with which Keras's weights were trained: 224 unless listed here.
INPUT_SIZES = {
    "EfficientNetB1": 240,
    "EfficientNetB2": 260,
    "EfficientNetB3": 300,
    "EfficientNetB4": 380,
    "EfficientNetB5": 456,
    "EfficientNetB6": 528,
    "EfficientNetB7": 600,
    "EfficientNetV2B1": 240,
    "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300,
    "EfficientNetV2L": 480,
    "EfficientNetV2M": 480,
    "EfficientNetV2S": 384,
    "InceptionResNetV2": 299,
    "InceptionV3": 299,
    "NASNetLarge": 331,
    "Xception": 299,
}
SEED = 224
# One image at a time is fastest on one thread, because its activations fit into the cache (measured: 188 images/s,
# against 180 in batches of 8 and 152 in batches of 32).
BATCH = 1
# Pictures that calibrate a seeded model. If there were only one, EfficientNetB0 would give features of thousands for
# other pictures, and LiteRT's rounding errors would reach a tenth of them.
CALIBRATION_PICTURES = 8


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


def input_size(name: str) -> int:
    """Return the width and height, in pixels, of the images with which the weights of a model were trained."""
    return INPUT_SIZES.get(name, 224)


def find_preprocessing(name: str) -> str:
    """Return the name in PREPROCESSINGS of a model's own `preprocess_input`, by comparing their results.

    Raises:
        ModelError: Keras has no such model, or the model has a preprocessing of another kind.
    """
    module = find_module(name)
    pixels = np.random.default_rng(SEED).uniform(0, 255, (4, 4, 3)).astype(np.float32)
    expected = module.preprocess_input(pixels.copy())
    for candidate, preprocess in PREPROCESSINGS.items():
        if np.allclose(preprocess(pixels), expected, atol=1e-5):
            return candidate
    raise ModelError(f"{name} prepares its input in another way than {', '.join(PREPROCESSINGS)}; use another model")


def build(name: str = DEFAULT_NAME, size: int | None = None, weights: Weights | None = None) -> KerasModel:
    """Build a model that maps float32 (BATCH, size, size, 3) to the averages of its last map, (BATCH, dimensions).

    Args:
        name: The model's name in `keras.applications`.
        size: Width and height of the input in pixels; by default, `input_size(name)`.
        weights: In the order of Keras; seeded random ones by default.

    Raises:
        ModelError: Keras has no such model, or the model does not accept the size.
    """
    # EfficientNet's layers depend on the last argument: with "imagenet", they divide the pixels once more.
    model, _ = _construct(name, size or input_size(name), "imagenet" if name.startswith("EfficientNetB") else None)
    if weights is None:
        model.set_weights(make_seeded_weights(model))
        if name != DEFAULT_NAME:
            _calibrate(model, find_preprocessing(name))
    else:
        model.set_weights(weights)
        for layer in model.layers:
            # Normalization computes with values that it derives from its weights.
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
    return model


def weights_url(name: str, size: int | None = None) -> str:
    """Return Keras's own address of a model's weights without the classifier.

    Raises:
        ModelError: See `build`.
    """
    _, url = _construct(name, size or input_size(name), "imagenet")
    return url


def find_module(name: str) -> Any:  # noqa: ANN401
    """Return the module of Keras that has a model's constructor and its `preprocess_input`.

    Raises:
        ModelError: Keras has no such model.
    """
    return sys.modules[_constructor(name).__module__]


def _constructor(name: str) -> Any:  # noqa: ANN401
    applications = load_keras().applications
    names = [known for known in dir(applications) if known[0].isupper()]
    if name not in names:
        closest = difflib.get_close_matches(name, names, n=3, cutoff=0) or names
        raise ModelError(
            f"--name: given {name!r}; allowed: a model of keras.applications, such as {', '.join(closest)}"
        )
    return getattr(applications, name)


def _construct(name: str, size: int, weights: str | None) -> tuple[KerasModel, str]:
    """Build a model with initial weights, and return it and the address of the weights that Keras would load.

    Keras's constructor would download and load the weights that its argument names; `find_weights` and `read_weights`
    do so with limits of time and better messages.
    """
    keras = load_keras()
    construct = _constructor(name)
    files = sys.modules["keras.src.utils.file_utils"]
    urls = [""]

    def get_file(fname: str | None = None, origin: str = "", **options: object) -> str | None:
        del options
        urls.append(origin)
        return fname

    # The flat buffer has the layers' names. Keras continues their numbers from the last model unless its session is
    # cleared.
    keras.utils.clear_session()
    with mock.patch.object(files, "get_file", get_file), mock.patch.object(keras.Model, "load_weights"):
        try:
            image = keras.Input(batch_shape=(BATCH, size, size, 3))
            model = construct(weights=weights, include_top=False, pooling="avg", input_tensor=image)
        except ValueError as error:
            raise ModelError(f"{name} cannot be built for images of {size} x {size} pixels: {error}") from error
    return model, urls[-1]


def make_seeded_weights(model: KerasModel) -> Weights:
    """Generate random weights for `model`, determined by SEED.

    With Keras's own initialization, features vanish (about 1e-12) when batch normalization is in inference mode. These
    weights preserve the variance from layer to layer, so that different images give different features: 2 / fan-in
    before a rectifier (He et al. 2015, equation 10), and 1 / fan-in before the linear bottlenecks of MobileNetV2.
    """
    random = np.random.default_rng(SEED)

    def normal(deviation: float, shape: Sequence[int]) -> npt.NDArray[np.float32]:
        return random.normal(0.0, deviation, shape).astype(np.float32)

    weights: Weights = []
    for layer in model.layers:
        is_depthwise = type(layer).__name__ == "DepthwiseConv2D"
        for weight in layer.weights:
            kind = weight.path.rsplit("/", 1)[-1]
            shape = tuple(weight.shape)
            if kind.endswith("kernel"):
                inputs = np.prod(shape[:2] if is_depthwise or kind == "depthwise_kernel" else shape[:-1])
                weights.append(normal(np.sqrt((1 if layer.name.endswith("project") else 2) / inputs), shape))
            elif kind in ("beta", "bias"):
                weights.append(normal(0.1, shape))
            else:
                weights.append(weight.numpy())  # ones, or zeros for means
    return weights


def _calibrate(model: KerasModel, preprocessing: str) -> None:
    """Let the batch normalizations of a seeded model normalize a few images, as those of a trained model do.

    Without it, the features of deep models vanish (EfficientNet) or explode (ResNet).
    """
    keras = load_keras()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
        elif isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    model(PREPROCESSINGS[preprocessing](make_pictures(model.input_shape[1], CALIBRATION_PICTURES)), training=True)


def make_pictures(size: int, count: int) -> npt.NDArray[np.float32]:
    """Generate pictures of coarse squares, float32 (count, size, size, 3) from 0 to 255.

    White noise would average out to the same features for every picture.
    """
    coarse = np.random.default_rng(SEED).uniform(0, 255, (count, 7, 7, 3)).astype(np.float32)
    repeats = -(-size // 7)
    return coarse.repeat(repeats, axis=1).repeat(repeats, axis=2)[:, :size, :size]


def convert(model: KerasModel) -> bytes:
    """Convert a Keras model to a LiteRT flat buffer in float32."""
    import tensorflow as tf

    # The converter prints hundreds of lines about the model's variables.
    with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null):
        buffer: bytes = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    return buffer
