"""Decodes image files to the model's input, and classifies the ones that are unusable."""

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

# Decoding a larger image needs more memory than a worker has; such a file is a mistake or a decompression bomb.
Image.MAX_IMAGE_PIXELS = 50_000_000


class BadImageError(Exception):
    """An image is unusable. The message is a short reason, the same for all images with the same kind of damage."""


def to_input(content: bytes, size: int) -> npt.NDArray[np.float32]:
    """Decode an image file to float32 (size, size, 3) in [-1, 1], like Keras' preprocessing for MobileNetV2.

    Raises:
        BadImageError: The file is empty, truncated, damaged, too large, or not an image.
    """
    pixels = np.asarray(decode(content).resize((size, size)), dtype=np.float32)
    return pixels / np.float32(127.5) - np.float32(1)


def decode(content: bytes) -> Image.Image:
    """Decode the content of a file to an RGB image.

    Raises:
        BadImageError: As in `to_input`.
    """
    if not content:
        raise BadImageError("empty file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _to_rgb(Image.open(io.BytesIO(content)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadImageError("too many pixels") from None
    except UnidentifiedImageError:
        raise BadImageError("not an image") from None
    except MemoryError:
        raise
    # On damaged files, Pillow's decoders raise many types: OSError, SyntaxError, struct.error, zlib.error…
    except Exception as error:  # noqa: BLE001
        raise BadImageError("truncated image" if "truncated" in str(error).lower() else "damaged image") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16-bit gray clips at 255, which turns nearly all shades white.
        gray = np.asarray(image).astype(np.int64) >> 8
        return Image.fromarray(gray.clip(0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")
