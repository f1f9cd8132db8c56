"""Gives each worker process the runtime that its model needs."""

from collections.abc import Callable
from typing import Protocol

from orchard.model.litert import LiteRtExtractor
from orchard.model.tensors import Features, Image
from orchard.plan import Model


class Extractor(Protocol):
    """A model that is ready to run on one thread."""

    def features(self, image: Image) -> Features:
        """Compute the features of a preprocessed image."""


_extractors: dict[Model, Extractor] = {}


def get_extractor(model: Model, content: Callable[[], bytes]) -> Extractor:
    """Return the process's extractor for a model, which is created once and shared by all tasks of the process."""
    if model not in _extractors:
        _extractors[model] = make_extractor(model, content())
    return _extractors[model]


def make_extractor(model: Model, content: bytes) -> Extractor:
    """Make an extractor from the content of the model's file."""
    return LiteRtExtractor(content, model.input_size, model.layout)
