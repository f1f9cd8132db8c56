"""Uses the artifact of the set-up if it has seeded weights, because making one takes ten seconds."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import keras_models
import make_model as model
import numpy as np
import pytest
from model_file import Signature
from model_weights import DownloadError, ModelError
from orchard.model.litert import LiteRtExtractor

from .runs import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    of_set_up = ROOT / ".orchard" / "model"
    if model.is_current(of_set_up) and json.loads((of_set_up / "model.json").read_text())["weights"] == "seeded":
        for name in ("model.json", "model.tflite"):
            shutil.copy(of_set_up / name, folder)
        return folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "load_pretrained_weights", lambda request: None)
        model.make(folder, model.Request())
    return folder


def test_the_description_matches_the_flat_buffer(made: Path) -> None:
    description = json.loads((made / "model.json").read_text())
    content = (made / "model.tflite").read_bytes()

    assert description["sha256"] == hashlib.sha256(content).hexdigest()
    assert description["bytes"] == len(content)
    assert (description["weights"], description["inputSize"], description["dimensions"]) == ("seeded", 224, 1280)
    assert sorted(path.name for path in made.iterdir()) == ["model.json", "model.tflite"]


@pytest.mark.deep
def test_seeded_weights_give_identical_bytes(made: Path) -> None:
    assert keras_models.convert(keras_models.build()) == (made / "model.tflite").read_bytes()


def test_an_existing_artifact_is_not_made_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "make", lambda *arguments: pytest.fail("made again"))

    assert model.main(["--output", str(made)]) == 0


@pytest.mark.parametrize("file", ["model.tflite", "model.json"])
def test_a_damaged_artifact_is_not_current(made: Path, tmp_path: Path, file: str) -> None:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert model.is_current(tmp_path)

    (tmp_path / file).write_bytes(b"damaged")

    assert not model.is_current(tmp_path)


def test_a_converted_model_that_differs_is_refused(made: Path) -> None:
    content = (made / "model.tflite").read_bytes()
    signature = Signature("NHWC", 224, 1280)
    extractor = LiteRtExtractor(content, 224, "NHWC")

    with pytest.raises(ModelError, match="LiteRT and Keras differ by"):
        model.verify(content, signature, "tf", lambda image: extractor.features(image) + np.float32(2e-3))


def test_features_that_do_not_vary_are_refused() -> None:
    with pytest.raises(ModelError, match="do not vary"):
        model.check_spread(np.full((8, 1280), 6, np.float32))


def refuse_download(*arguments: object) -> None:
    raise DownloadError("http://host: 404")


def test_missing_weights_give_a_warning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORCHARD_WEIGHTS_URL", raising=False)
    monkeypatch.setattr(model, "find_weights", refuse_download)

    assert model.load_pretrained_weights(model.Request()) is None
    warning = capsys.readouterr().err
    assert "SEEDED RANDOM weights" in warning
    assert "http://host: 404" in warning


@pytest.mark.parametrize(("sha256", "url"), [("0" * 64, ""), (None, "http://host")])
def test_seeded_weights_do_not_replace_those_that_the_person_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sha256: str | None, url: str
) -> None:
    monkeypatch.setenv("ORCHARD_WEIGHTS_URL", url)
    monkeypatch.setattr(model, "find_weights", refuse_download)

    with pytest.raises(ModelError, match="http://host: 404"):
        model.make(tmp_path, model.Request(weights_sha256=sha256))

    assert list(tmp_path.iterdir()) == []


def test_weights_with_another_sha256_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "weights.h5"
    file.write_bytes(b"tampered")
    options = ["--output", str(tmp_path / "model"), "--weights", str(file), "--weights-sha256", "0" * 64]

    assert model.main(options) == 1

    digest = hashlib.sha256(b"tampered").hexdigest()
    assert f"orchard: error: the weights {file} have the sha256 {digest}, expected 000" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def run_command(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `orchard model` as a person with `folder` as current and home folder."""
    command = [str(ROOT / "node_modules" / ".bin" / "node"), "cli/main.ts", "model", *options]
    environment = os.environ | {"INIT_CWD": str(folder), "HOME": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def assert_made_from_file(folder: Path, weights: Path, seeded: Path, printed: str) -> None:
    """Assert that a folder has the model of the seeded weights, made from a file of them."""
    content = (folder / "model.tflite").read_bytes()
    assert content == (seeded / "model.tflite").read_bytes()
    description = json.loads((folder / "model.json").read_text())
    assert json.loads(printed) == description
    assert description == {
        "name": "MobileNetV2",
        "weights": "file",
        "weightsSha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "format": "tflite",
        "inputSize": 224,
        "dimensions": 1280,
        "preprocessing": "tf",
        "layout": "NHWC",
        "relativeTime": 1.0,
        "tensorflow": json.loads((seeded / "model.json").read_text())["tensorflow"],
    }


def test_the_weights_of_a_file_make_the_model(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, folder = tmp_path / "mine.weights.h5", tmp_path / "made"
    keras_models.build().save_weights(weights)
    # The command's test converts them, which takes ten seconds. Here, a wrong order of the weights fails `verify`.
    monkeypatch.setattr(model, "convert", lambda keras: (made / "model.tflite").read_bytes())

    assert model.main(["--weights", str(weights), "--output", str(folder)]) == 0

    assert_made_from_file(folder, weights, made, capsys.readouterr().out)


@pytest.mark.deep
def test_the_command_makes_the_model_from_a_file_whatever_keras_json_has(made: Path, tmp_path: Path) -> None:
    weights = tmp_path / "mine.weights.h5"
    keras_models.build().save_weights(weights)
    (tmp_path / ".keras").mkdir()
    settings = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float64", "epsilon": 0.1}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings))

    done = run_command(tmp_path, "--weights", "mine.weights.h5", "--output", "made")

    assert done.returncode == 0, done.stderr
    assert_made_from_file(tmp_path / "made", weights, made, done.stdout)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "none.h5"], '--weights: given "none.h5"; allowed: a file of Keras\'s weights'),
        (
            ["--file", "none.tflite", "--preprocess", "tf"],
            '--file: given "none.tflite"; allowed: a model that is ready',
        ),
        (["--file", "none.tflite", "--name", "ResNet50"], "--name: not allowed with --file"),
        (["--file", "none.tflite"], "--preprocess is missing; allowed with --file: tf, torch, caffe or none"),
        (["--preprocess", "tf"], "--preprocess: allowed with --file only"),
    ],
)
def test_the_command_refuses_wrong_options(options: list[str], message: str, tmp_path: Path) -> None:
    done = run_command(tmp_path, *options, "--output", "made")

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "made").exists()
