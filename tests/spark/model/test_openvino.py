"""OpenVINO in bf16, judged by LiteRT in float32 on the same model. test_pretrained_features.py has real weights."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from orchard.errors import JobError
from orchard.model.extractor import get_extractor
from orchard.model.images import to_input
from orchard.model.litert import LiteRtExtractor
from orchard.model.openvino import OpenVinoExtractor
from orchard.plan import Model

from ..runs import ModelArtifact, computes_bf16, encode, picture

needs_bf16 = pytest.mark.skipif(not computes_bf16(), reason="this machine's processor does not compute in bf16")


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@needs_bf16
def test_features_are_close_to_those_of_float32_and_the_same_each_time(model_artifact: ModelArtifact) -> None:
    content, size = model_artifact.path.read_bytes(), int(model_artifact.info["inputSize"])
    float32, bf16 = LiteRtExtractor(content, size, "NHWC"), OpenVinoExtractor(content, size, "NHWC")
    images = [to_input(encode(picture(seed)), size) for seed in range(5)]

    found = [bf16.features(image) for image in images]

    for image, features in zip(images, found, strict=True):
        expected = float32.features(image)
        assert features.dtype == np.float32
        assert features.shape == expected.shape
        assert cosine(features, expected) >= 0.998
        assert not np.array_equal(features, expected)
        np.testing.assert_array_equal(bf16.features(image), features)
    # The next image does not overwrite an image's result.
    assert len({features.tobytes() for features in found}) == len(images)


@needs_bf16
def test_a_process_has_one_extractor_for_each_precision(model_artifact: ModelArtifact) -> None:
    info = model_artifact.info
    model = Model("", "MobileNetV2", info["sha256"], "seeded", info["inputSize"], 1280, "tflite", "tf", "NHWC")

    one, other = (get_extractor(model, precision, model_artifact.path.read_bytes) for precision in ("bf16", "float32"))

    assert (type(one), type(other)) == (OpenVinoExtractor, LiteRtExtractor)
    assert get_extractor(model, "bf16", lambda: pytest.fail("was read again")) is one


def test_a_processor_on_which_openvino_takes_float32_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Core:
        def read_model(self, path: str) -> Any:
            return SimpleNamespace(reshape=lambda shape: None)

        def compile_model(self, model: Any, device: str, settings: dict[str, Any]) -> Any:
            asked.update(settings)
            return SimpleNamespace(get_property=lambda name: SimpleNamespace(get_type_name=lambda: "f32"))

    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=Core))

    with pytest.raises(JobError, match="does not compute in bf16, and OpenVINO took f32: leave precision out"):
        OpenVinoExtractor(b"a model", 224, "NHWC")

    # With pinning, all workers of a node would share a core.
    assert (asked["ENABLE_CPU_PINNING"], asked["INFERENCE_NUM_THREADS"]) == (False, 1)
