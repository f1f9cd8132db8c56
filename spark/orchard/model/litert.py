"""Runs a LiteRT flat buffer in a worker, on one thread."""

from typing import Any

import numpy as np

from orchard.model.tensors import Features, Image, to_tensor


class LiteRtExtractor:
    """Computes the features of one image at a time."""

    def __init__(self, flat_buffer: bytes, size: int, layout: str) -> None:
        # Imported here because only workers need it.
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

        self._interpreter: Any = Interpreter(model_content=flat_buffer, num_threads=1)
        self._layout = layout
        [source], [target] = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._source: int = source["index"]
        self._target: int = target["index"]
        shape = to_tensor(np.empty((size, size, 3), np.float32), layout).shape
        # Models for any number of images or any size have ones there.
        if tuple(source["shape"]) != shape:
            self._interpreter.resize_tensor_input(self._source, shape)
        self._interpreter.allocate_tensors()

    def features(self, image: Image) -> Features:
        """Compute the features of a preprocessed image."""
        self._interpreter.set_tensor(self._source, to_tensor(image, self._layout))
        self._interpreter.invoke()
        features: Features = self._interpreter.get_tensor(self._target).reshape(-1)
        return features
