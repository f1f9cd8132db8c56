"""Reads the input and output of a model's file, so that files that the job cannot run are refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from model_weights import ModelError
from orchard.model.tensors import LAYOUTS, to_tensor

FORMATS = {".tflite": "tflite"}


@dataclass(frozen=True)
class Signature:
    """The input and output of a model: the layout "NHWC" or "NCHW", width and height in pixels, number of features."""

    layout: str
    input_size: int
    dimensions: int


def find_format(path: Path) -> str:
    """Return the format of a model's file by its ending.

    Raises:
        ModelError: The file does not exist, or has another ending.
    """
    if not path.is_file():
        raise ModelError(f"--file: given {str(path)!r}; allowed: an existing file")
    if path.suffix not in FORMATS:
        raise ModelError(f"--file: given {str(path)!r}; allowed: a file that ends with {' or '.join(FORMATS)}")
    return FORMATS[path.suffix]


def read_signature(content: bytes, size: int | None) -> Signature:
    """Read the signature of a flat buffer.

    Args:
        content: The model's file.
        size: Width and height of its input in pixels, which must agree with the file; by default, those of the file.

    Raises:
        ModelError: The file is damaged, or its input or output is not one that the job can use.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  as on the nodes, only where it is needed

    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
    except ValueError as error:
        raise ModelError(f"the file is not a LiteRT model ({' '.join(str(error).split())[:200]})") from error
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs; allowed: one of each")
    layout, input_size = _find_layout([int(length) for length in inputs[0]["shape_signature"]], size)
    _check_numbers(inputs[0])
    _check_numbers(outputs[0])
    shape = to_tensor(np.empty((input_size, input_size, 3), np.float32), layout).shape
    try:
        interpreter.resize_tensor_input(inputs[0]["index"], shape)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"the model does not run for one image of {input_size} x {input_size} pixels") from error
    return Signature(layout, input_size, _count_features(interpreter.get_output_details()[0]["shape"]))


def _check_numbers(tensor: dict[str, Any]) -> None:
    if tensor["dtype"] is not np.float32:
        name = np.dtype(tensor["dtype"]).name
        raise ModelError(f"the tensor {tensor['name']} has numbers of type {name}; allowed: float32")


def _find_layout(shape: list[int], size: int | None) -> tuple[str, int]:
    """Return the layout and the size of an input whose unknown lengths are -1.

    Raises:
        ModelError: The input is no batch of square RGB images, or has another size than `size`.
    """
    allowed = "one float32 image, (1, size, size, 3) or (1, 3, size, size)"
    if len(shape) != 4 or shape[0] not in (1, -1) or 3 not in (shape[1], shape[3]):
        raise ModelError(f"the model's input has the shape {tuple(shape)}; allowed: {allowed}")
    layout = LAYOUTS[0] if shape[3] == 3 else LAYOUTS[1]
    sides = {length for length in (shape[1:3] if layout == LAYOUTS[0] else shape[2:4]) if length != -1}
    if len(sides) > 1:
        raise ModelError(f"the model's input has the shape {tuple(shape)}; allowed: {allowed}")
    if size is None and not sides:
        raise ModelError("--input-size is missing: the model accepts images of any size")
    found = sides.pop() if sides else size
    if size not in (None, found):
        raise ModelError(f"--input-size: given {size}; allowed: {found}, the size of the model's input")
    assert found is not None
    return layout, found


def _count_features(shape: Any) -> int:  # noqa: ANN401
    """Return how many features the output has.

    Raises:
        ModelError: It has several lengths above 1, such as a feature map.
    """
    lengths = [int(length) for length in shape if length != 1]
    if len(lengths) != 1:
        raise ModelError(
            f"the model's output has the shape {tuple(int(length) for length in shape)}; allowed: one vector of an "
            "image's features, such as (1, 1280). Export the model with an average pooling at its end"
        )
    return lengths[0]
