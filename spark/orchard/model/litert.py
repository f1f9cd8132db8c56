"""Runs the model in a worker, with a LiteRT interpreter on one thread."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt


class Extractor:
    """Computes the features of one image at a time."""

    def __init__(self, flat_buffer: bytes) -> None:
        # Imported here because only workers need it.
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

        self._interpreter: Any = Interpreter(model_content=flat_buffer, num_threads=1)
        self._interpreter.allocate_tensors()
        self._source: int = self._interpreter.get_input_details()[0]["index"]
        self._target: int = self._interpreter.get_output_details()[0]["index"]

    def features(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute the features, float32 (dimensions,), of an image, float32 (size, size, 3) in [-1, 1]."""
        self._interpreter.set_tensor(self._source, image[np.newaxis])
        self._interpreter.invoke()
        features: npt.NDArray[np.float32] = self._interpreter.get_tensor(self._target)[0]
        return features


_extractors: dict[str, Extractor] = {}


def get_extractor(sha256: str, flat_buffer: Callable[[], bytes]) -> Extractor:
    """Return the process's extractor for a model, which is created once and shared by all tasks of the process."""
    if sha256 not in _extractors:
        _extractors[sha256] = Extractor(flat_buffer())
    return _extractors[sha256]
