"""The arrays that go into a model and come out of it."""

import numpy as np
import numpy.typing as npt

# A preprocessed image, float32 (size, size, 3).
Image = npt.NDArray[np.float32]
# The features of one image, float32 (dimensions,).
Features = npt.NDArray[np.float32]

LAYOUTS = ("NHWC", "NCHW")


def to_tensor(image: Image, layout: str) -> npt.NDArray[np.float32]:
    """Convert an image to the input of a model: (1, size, size, 3) for layout NHWC, (1, 3, size, size) for NCHW."""
    return np.ascontiguousarray(image.transpose(2, 0, 1))[np.newaxis] if layout == "NCHW" else image[np.newaxis]
