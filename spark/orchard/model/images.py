"""Image files to the model's input, and why some of them are not usable."""

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

# Above this, decoding would take memory that a worker does not have; a larger file is a mistake or a bomb.
Image.MAX_IMAGE_PIXELS = 50_000_000


class BadImageError(Exception):
    """An image that cannot be used; the message is a short reason, the same for the same kind of damage."""


def to_input(content: bytes, size: int) -> npt.NDArray[np.float32]:
    """Decodes an image file to float32 (size, size, 3) in [-1, 1], as Keras preprocesses for MobileNetV2.

    Raises:
        BadImageError: the file is empty, truncated, damaged, too large or no image.
    """
    pixels = np.asarray(decode(content).resize((size, size)), dtype=np.float32)
    return pixels / np.float32(127.5) - np.float32(1)


def decode(content: bytes) -> Image.Image:
    """The RGB image in a file's content.

    Raises:
        BadImageError: as in `to_input`.
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
    # Pillow's decoders raise whatever a damaged file leads them to: OSError, SyntaxError, struct.error, zlib.error…
    except Exception as error:  # noqa: BLE001
        raise BadImageError("truncated image" if "truncated" in str(error).lower() else "damaged image") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16-bit grey cuts off at 255 and leaves white.
        grey = np.asarray(image).astype(np.int64) >> 8
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")
