"""Decodes image files to the model's input, and classifies the ones that are unusable."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from orchard.model import formats, jpeg
from orchard.model.bad_image import TooManyPixelsError
from orchard.model.kinds import identify
from orchard.model.limits import MAX_PIXELS
from orchard.model.orientation import turn_upright
from orchard.model.preprocessing import PREPROCESSINGS

# Pillow's own limit is a warning. Here, images are refused by `max_pixels` before their pixels are decoded.
Image.MAX_IMAGE_PIXELS = None

# Rows of an image that are converted to RGB at a time, so that a large image is in memory only once.
BAND_PIXELS = 4_000_000

# In draft mode, a JPEG keeps at least this many times the rows and columns of the model's input. With fewer, its
# features change more, and little more time is saved: docs/adr/0009-float32-by-default.md has the figures.
DRAFT_FACTOR = 4


def to_input(
    content: bytes,
    size: int,
    max_pixels: int = MAX_PIXELS,
    preprocessing: str = "tf",
    *,
    exif_rotation: bool = False,
    jpeg_draft: bool = False,
) -> npt.NDArray[np.float32]:
    """Decode an image file to float32 (size, size, 3), like Keras' `load_img` and `preprocess_input`.

    Transparency is ignored, as by Keras' load_img, and so is orientation in EXIF data by default. Decoding takes 4
    bytes a pixel in most formats; docs/images.md has the measured memory of each.

    Args:
        content: The file's bytes.
        size: The number of rows and columns of the result.
        max_pixels: Larger images are refused before their pixels are decoded.
        preprocessing: One of PREPROCESSINGS. "tf" is MobileNetV2's, which gives numbers from -1 to 1.
        exif_rotation: Turn the image upright first, by the orientation in its EXIF data.
        jpeg_draft: Let libjpeg decode a large JPEG at a half, a quarter or an eighth of its size.

    Raises:
        BadImageError: The file is empty, truncated, damaged, too large, of an unsupported format, or not an image.
    """
    image = decode(content, max_pixels, DRAFT_FACTOR * size if jpeg_draft else None)
    if exif_rotation:
        turn_upright(image, content)
    pixels = np.asarray(_shrink(image, size), dtype=np.float32)
    return PREPROCESSINGS[preprocessing](pixels)


def decode(content: bytes, max_pixels: int = MAX_PIXELS, draft_size: int | None = None) -> Image.Image:
    """Decode the first image of a file, in the mode that the file has.

    Args:
        content: The file's bytes.
        max_pixels: Larger images are refused before their pixels are decoded.
        draft_size: Rows and columns that a JPEG must still have if it is decoded at a part of its size; None decodes it
            in full size.

    Raises:
        BadImageError: As in `to_input`.
    """

    def prepare(image: Image.Image) -> None:
        if image.width * image.height > max_pixels:
            raise TooManyPixelsError(f"too many pixels: more than {max_pixels:,}")
        if draft_size is not None:
            image.draft(None, (draft_size, draft_size))

    format = identify(content)
    if format == "JPEG":
        return jpeg.decode(content, prepare)
    return formats.decode(content, format, prepare)


def _shrink(image: Image.Image, size: int) -> Image.Image:
    """Convert to RGB and resize as Keras does. Large images are converted in bands of rows, with the same pixels.

    Bands are possible because Pillow resizes the rows first, rounds, and then resizes the columns. Tall images are
    converted in one piece, because Pillow begins with their columns (observed from a height of 1.8 widths).
    """
    rows = max(1, BAND_PIXELS // image.width)
    if image.mode == "RGB" or rows >= image.height or image.height > 1.5 * image.width:
        return _to_rgb(image).resize((size, size))
    narrow = Image.new("RGB", (size, image.height))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        narrow.paste(_to_rgb(band).resize((size, band.height)), (0, top))
    return narrow.resize((size, size))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16-bit gray clips at 255, which turns nearly all shades white.
        gray = np.asarray(image).astype(np.int64) >> 8
        return Image.fromarray(gray.clip(0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")
