"""Turns images upright by the orientation in their EXIF data."""

import io
from contextlib import suppress

from PIL import ImageOps
from PIL.Image import Image
from PIL.JpegImagePlugin import JpegImageFile


def turn_upright(image: Image, content: bytes) -> None:
    """Rotate or mirror a decoded image in place. Without EXIF data, or with damaged ones, it stays as it is.

    Args:
        image: The image, decoded from `content`. A TIFF is upright already, as Pillow has applied its orientation.
        content: The file's bytes.
    """
    # Damage in EXIF data costs no image, and Pillow's parser raises many kinds of errors.
    with suppress(Exception):
        if "exif" not in image.info and content.startswith(b"\xff\xd8"):
            # A JPEG that was decoded at the second try has lost its metadata.
            image.info["exif"] = JpegImageFile(io.BytesIO(content)).info["exif"]
        ImageOps.exif_transpose(image, in_place=True)
