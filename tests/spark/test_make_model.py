"""Uses the artifact of the set-up if it has seeded weights, because making one takes ten seconds."""

import hashlib
import json
import shutil
from pathlib import Path

import make_model as model
import numpy as np
import pytest

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
        patch.setattr(model, "load_imagenet_weights", lambda sha256: None)
        model.make(folder)
    return folder


def test_the_description_matches_the_flat_buffer(made: Path) -> None:
    description = json.loads((made / "model.json").read_text())
    content = (made / "model.tflite").read_bytes()

    assert description["sha256"] == hashlib.sha256(content).hexdigest()
    assert description["bytes"] == len(content)
    assert set(description) == {"name", "weights", "sha256", "bytes", "inputSize", "dimensions", "tensorflow"}
    assert (description["weights"], description["inputSize"], description["dimensions"]) == ("seeded", 224, 1280)
    assert sorted(path.name for path in made.iterdir()) == ["model.json", "model.tflite"]


def test_seeded_weights_give_identical_bytes(made: Path) -> None:
    assert model.convert(model.build()) == (made / "model.tflite").read_bytes()


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
    keras = model.build()
    keras.get_layer("Conv_1").set_weights([keras.get_layer("Conv_1").get_weights()[0] * 1.5])

    with pytest.raises(model.ModelError, match="LiteRT and Keras differ by"):
        model.verify((made / "model.tflite").read_bytes(), keras)


def test_features_that_do_not_vary_are_refused() -> None:
    with pytest.raises(model.ModelError, match="do not vary"):
        model.check_spread(np.full((8, 1280), 6, np.float32))


def test_missing_weights_give_a_warning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow import keras

    def refuse(*names: object, **options: object) -> None:
        raise Exception("URL fetch failure")  # noqa: TRY002

    monkeypatch.setattr(keras.utils, "get_file", refuse)

    assert model.load_imagenet_weights() is None
    assert "SEEDED RANDOM weights" in capsys.readouterr().err


def test_weights_with_another_sha256_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow import keras

    file = tmp_path / "weights.h5"
    file.write_bytes(b"tampered")
    monkeypatch.setattr(keras.utils, "get_file", lambda *names, **options: str(file))

    with pytest.raises(
        model.ModelError, match=f"sha256 {hashlib.sha256(b'tampered').hexdigest()}, expected {'0' * 64}"
    ):
        model.load_imagenet_weights("0" * 64)


def test_weights_with_the_expected_sha256_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "weights.h5"
    file.write_bytes(b"weights")

    model.check_weights(file, hashlib.sha256(b"weights").hexdigest().upper())


def test_seeded_weights_do_not_replace_pinned_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "load_imagenet_weights", lambda sha256: None)

    with pytest.raises(model.ModelError, match="could not be downloaded"):
        model.make(tmp_path, "0" * 64)
