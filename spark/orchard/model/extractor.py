"""Gives each worker process the runtime that its model and precision need."""

from collections.abc import Callable
from typing import Protocol

from orchard.model.litert import LiteRtExtractor
from orchard.model.openvino import OpenVinoExtractor
from orchard.model.tensors import Features, Image
from orchard.plan import Model


class Extractor(Protocol):
    """A model that is ready to run on one thread."""

    def features(self, image: Image) -> Features:
        """Compute the features of a preprocessed image."""


_ENGINES: dict[str, Callable[[bytes, int, str], Extractor]] = {
    "float32": LiteRtExtractor,
    "bf16": OpenVinoExtractor,
}

_extractors: dict[tuple[Model, str], Extractor] = {}


def get_extractor(model: Model, precision: str, content: Callable[[], bytes]) -> Extractor:
    """Return the process's extractor, which is created once and shared by all tasks of the process.

    Args:
        model: The plan's model.
        precision: float32 or bf16, in which the model computes.
        content: Reads the model's file.

    Raises:
        JobError: This machine's processor does not compute in the precision.
    """
    key = (model, precision)
    if key not in _extractors:
        _extractors[key] = _ENGINES[precision](content(), model.input_size, model.layout)
    return _extractors[key]
