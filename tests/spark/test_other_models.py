"""Models other than MobileNetV2: of Keras by their names, and files that are ready to run."""

import json
import re
from pathlib import Path
from typing import Any

import keras_models
import make_model
import numpy as np
import pytest
from model_file import read_signature
from model_weights import ModelError
from orchard.model.images import to_input
from orchard.model.litert import LiteRtExtractor
from orchard.model.preprocessing import PREPROCESSINGS
from PIL import Image

from .runs import encode, picture


def test_each_preprocessing_is_that_of_keras() -> None:
    imagenet_utils = keras_models.load_keras().applications.imagenet_utils
    pixels = np.random.default_rng(1).uniform(0, 255, (5, 5, 3)).astype(np.float32)

    for mode in ("tf", "torch", "caffe"):
        expected = imagenet_utils.preprocess_input(pixels.copy(), mode=mode)
        np.testing.assert_allclose(PREPROCESSINGS[mode](pixels), expected, atol=1e-4)
    np.testing.assert_array_equal(PREPROCESSINGS["none"](pixels), pixels)


@pytest.mark.parametrize(
    ("name", "preprocessing"),
    [("MobileNetV2", "tf"), ("DenseNet121", "torch"), ("ResNet50", "caffe"), ("EfficientNetB0", "none")],
)
def test_the_preprocessing_of_a_model_is_found(name: str, preprocessing: str) -> None:
    assert keras_models.find_preprocessing(name) == preprocessing


def test_an_unknown_name_is_answered_with_similar_ones() -> None:
    with pytest.raises(ModelError, match=r"--name: given 'EfficientnetB0'; allowed: .* such as EfficientNetB0, "):
        keras_models.build("EfficientnetB0")


def make(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a seeded model, and return Keras's."""
    built: list[Any] = []
    monkeypatch.setattr(make_model, "load_pretrained_weights", lambda request: None)

    def convert(model: Any) -> bytes:
        built.append(model)
        return keras_models.convert(model)

    monkeypatch.setattr(make_model, "convert", convert)
    assert make_model.main(["--output", str(folder), "--name", name]) == 0
    return built[0]


@pytest.mark.parametrize(
    ("name", "preprocessing", "dimensions"),
    [
        ("MobileNetV3Small", "none", 576),
        pytest.param("EfficientNetB0", "none", 1280, marks=pytest.mark.deep),
        pytest.param("DenseNet121", "torch", 1024, marks=pytest.mark.deep),
        pytest.param("ResNet50", "caffe", 2048, marks=pytest.mark.deep),
    ],
)
def test_features_equal_keras_on_the_same_pixels(
    name: str, preprocessing: str, dimensions: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = make(tmp_path, name, monkeypatch)
    description = json.loads((tmp_path / "model.json").read_text())
    keys = ("name", "format", "inputSize", "dimensions", "preprocessing", "layout")
    assert [description[key] for key in keys] == [name, "tflite", 224, dimensions, preprocessing, "NHWC"]
    extractor = LiteRtExtractor((tmp_path / "model.tflite").read_bytes(), 224, "NHWC")
    preprocess_input = keras_models.find_module(name).preprocess_input

    rows = []
    for content in keras_models.make_pictures(300, 12)[-2:]:
        image = Image.fromarray(content.astype(np.uint8)).crop((0, 0, 300, 200))
        pixels = np.asarray(image.resize((224, 224)), np.float32)
        expected = keras.predict(preprocess_input(pixels[np.newaxis].copy()), verbose=0)[0]
        found = extractor.features(to_input(encode(image, "PNG"), 224, preprocessing=preprocessing))
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)
        rows.append(found)
    assert np.abs(rows[0] - rows[1]).max() > 0.01


@pytest.mark.deep
@pytest.mark.parametrize("name", sorted(keras_models.INPUT_SIZES))
def test_the_size_is_that_of_the_images_of_the_training(name: str) -> None:
    constructor = getattr(keras_models.load_keras().applications, name)

    assert constructor(weights=None).input_shape[1:3] == (keras_models.input_size(name),) * 2


def to_flat_buffer(shape: tuple[int | None, ...], output: str = "pooled", dtype: str = "float32") -> bytes:
    """Convert a model of one convolution, or of none, with an input of this shape."""
    import tensorflow as tf

    def compute(image: Any) -> Any:
        image = tf.cast(image, tf.float32)
        channels_last = tf.transpose(image, (0, 2, 3, 1)) if shape[1] == 3 else image
        mapped = tf.nn.conv2d(channels_last, tf.constant(kernel), 1, "SAME")
        return {"pooled": tf.reduce_mean(mapped, (1, 2)), "map": mapped}[output]

    kernel = np.random.default_rng(3).normal(size=(3, 3, 3, 5)).astype(np.float32)
    function = tf.function(compute, input_signature=[tf.TensorSpec(shape, dtype)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    content: bytes = converter.convert()
    return content


def test_a_file_of_either_layout_gives_the_same_features(tmp_path: Path) -> None:
    features = []
    for layout, shape in {"NHWC": (1, 32, 32, 3), "NCHW": (1, 3, 32, 32)}.items():
        (tmp_path / f"{layout}.tflite").write_bytes(to_flat_buffer(shape))
        folder = tmp_path / layout
        options = ["--output", str(folder), "--file", str(tmp_path / f"{layout}.tflite"), "--preprocess", "torch"]
        assert make_model.main(options) == 0
        description = json.loads((folder / "model.json").read_text())
        keys = ("name", "weights", "inputSize", "dimensions", "preprocessing", "layout")
        assert [description[key] for key in keys] == [layout, "file", 32, 5, "torch", layout]
        extractor = LiteRtExtractor((folder / "model.tflite").read_bytes(), 32, layout)
        features.append(extractor.features(to_input(encode(picture(1)), 32, preprocessing="torch")))

    np.testing.assert_allclose(features[0], features[1], atol=1e-6)


def test_a_file_for_any_number_of_images_of_any_size_takes_the_size_that_is_given() -> None:
    content = to_flat_buffer((None, None, None, 3))
    with pytest.raises(ModelError, match=r"--input-size is missing"):
        read_signature(content, None)

    signature = read_signature(content, 48)

    assert (signature.layout, signature.input_size, signature.dimensions) == ("NHWC", 48, 5)
    image = to_input(encode(Image.new("RGB", (10, 10), "red")), 48)
    assert LiteRtExtractor(content, 48, "NHWC").features(image).shape == (5,)


@pytest.mark.parametrize(
    ("make_content", "size", "message"),
    [
        (lambda: b"no model", None, "the file is not a LiteRT model"),
        (lambda: to_flat_buffer((1, 32, 32, 3)), 48, "--input-size: given 48; allowed: 32"),
        (lambda: to_flat_buffer((1, 32, 16, 3)), None, r"shape \(1, 32, 16, 3\); allowed: one float32 image"),
        (lambda: to_flat_buffer((4, 32, 32, 3)), None, r"shape \(4, 32, 32, 3\); allowed: one float32 image"),
        (lambda: to_flat_buffer((1, 32, 32, 3), "map"), None, r"output has the shape \(1, 32, 32, 5\); .*pooling"),
        (lambda: to_flat_buffer((1, 32, 32, 3), dtype="uint8"), None, "numbers of type uint8; allowed: float32"),
    ],
)
def test_a_file_that_the_job_cannot_run_is_refused(make_content: Any, size: int | None, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_signature(make_content(), size)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("none.tflite", ["--preprocess", "tf"], "--file: given '.*none.tflite'; allowed: an existing file"),
        ("model.pt", ["--preprocess", "tf"], r"allowed: a file that ends with \.tflite"),
        ("model.tflite", [], "--preprocess is missing; allowed: tf, torch, caffe, none"),
    ],
)
def test_wrong_options_of_a_file_are_named(
    name: str, options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("model.pt", "model.tflite"):
        (tmp_path / file).write_bytes(b"")

    assert make_model.main(["--output", str(tmp_path / "made"), "--file", str(tmp_path / name), *options]) == 1

    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "made").exists()
