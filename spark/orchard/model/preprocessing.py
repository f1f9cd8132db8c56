"""Scales pixels to what a model was trained with, by the names that `keras.applications.imagenet_utils` uses."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]

# Means and deviations of ImageNet's images, as keras.applications.imagenet_utils.preprocess_input has them.
_RGB_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_RGB_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_BGR_MEAN = np.array([103.939, 116.779, 123.68], np.float32)


def _tf(pixels: Pixels) -> Pixels:
    return pixels / np.float32(127.5) - np.float32(1)


def _torch(pixels: Pixels) -> Pixels:
    return (pixels / np.float32(255) - _RGB_MEAN) / _RGB_DEVIATION


def _caffe(pixels: Pixels) -> Pixels:
    return pixels[..., ::-1] - _BGR_MEAN


def _none(pixels: Pixels) -> Pixels:
    return pixels


# Functions of RGB from 0 to 255, float32 (..., 3).
PREPROCESSINGS: dict[str, Callable[[Pixels], Pixels]] = {
    "tf": _tf,  # -1 to 1
    "torch": _torch,  # 0 to 1, less ImageNet's means, divided by its deviations
    "caffe": _caffe,  # BGR less ImageNet's means
    "none": _none,  # 0 to 255: the model scales its input itself
}
