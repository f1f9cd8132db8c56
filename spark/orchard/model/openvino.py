"""Runs a LiteRT flat buffer with OpenVINO in a worker, on one thread, in bf16.

bf16 has float32's exponent, and 7 bits of its fraction. docs/adr/0009-float32-by-default.md says what it saves and what
it changes. The wheels are those of bootstrap/requirements-bf16.txt, which only the nodes of runs in bf16 have.
"""

import tempfile
from typing import Any

import numpy as np

from orchard.errors import JobError
from orchard.model.tensors import Features, Image, to_tensor


class OpenVinoExtractor:
    """Computes the features of one image at a time."""

    def __init__(self, flat_buffer: bytes, size: int, layout: str) -> None:
        """Compile the model.

        Raises:
            JobError: This machine's processor does not compute in bf16.
        """
        # Imported here because only workers of runs in bf16 need it, or have it.
        import openvino  # noqa: PLC0415

        core: Any = openvino.Core()
        # OpenVINO reads a flat buffer from a file only.
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            file.write(flat_buffer)
            file.flush()
            model = core.read_model(file.name)
            # Models for any number of images or any size have other dimensions there.
            model.reshape(list(to_tensor(np.empty((size, size, 3), np.float32), layout).shape))
            compiled = core.compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": "bf16",
                    "INFERENCE_NUM_THREADS": 1,
                    "NUM_STREAMS": 1,
                    # Pinned, all workers of a node would share its first core.
                    "ENABLE_CPU_PINNING": False,
                },
            )
        # OpenVINO falls back to float32 without an error.
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if precision != "bf16":
            raise JobError(
                f"this node's processor does not compute in bf16, and OpenVINO took {precision}: leave precision out"
            )
        self._layout = layout
        self._request: Any = compiled.create_infer_request()

    def features(self, image: Image) -> Features:
        """Compute the features of a preprocessed image."""
        [output] = self._request.infer([to_tensor(image, self._layout)]).values()
        # The request writes its next output to the same memory.
        features: Features = np.array(output, np.float32).reshape(-1)
        return features
