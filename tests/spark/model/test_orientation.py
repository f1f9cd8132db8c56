"""EXIF orientation, judged by Pillow's ImageOps.exif_transpose."""

import io

import numpy as np
import pytest
from orchard.model.images import to_input
from PIL import Image, ImageOps

from ..runs import encode, picture

ORIENTATION = 0x0112
SIZE = 32


def photo(orientation: int, format: str = "JPEG") -> bytes:
    """Return a photo whose upper half is dark on its left, so that no rotation or reflection leaves it as it is."""
    image = picture(1, (80, 120))
    image.paste((0, 0, 0), (0, 0, 40, 60))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image, format, exif=exif.tobytes())


def upright(content: bytes) -> bytes:
    """Return the photo as Pillow turns it, without loss."""
    with Image.open(io.BytesIO(content)) as image:
        return encode(ImageOps.exif_transpose(image), "PNG")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_turned_as_pillow_turns_it(orientation: int, format: str) -> None:
    content = photo(orientation, format)

    turned = to_input(content, SIZE, exif_rotation=True)

    assert np.array_equal(turned, to_input(upright(content), SIZE))
    assert np.array_equal(turned, to_input(content, SIZE)) == (orientation == 1)


@pytest.mark.parametrize("orientation", [2, 6])
def test_a_jpeg_without_its_end_marker_is_turned(orientation: int) -> None:
    content = photo(orientation)

    turned = to_input(content[:-2], SIZE, exif_rotation=True)

    assert np.array_equal(turned, to_input(content, SIZE, exif_rotation=True))


def test_a_tiff_is_turned_once() -> None:
    image = picture(1, (80, 120))
    content = encode(image, "TIFF", tiffinfo={ORIENTATION: 6})

    assert np.array_equal(to_input(content, SIZE, exif_rotation=True), to_input(content, SIZE))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("damage", [b"", b"II*\x00\xff\xff\xff\xff", b"MM\x00*\x00\x00\x00\x08\x00\x01"])
def test_damaged_exif_data_cost_no_image(damage: bytes) -> None:
    content = encode(picture(1, (80, 120)), exif=b"Exif\x00\x00" + damage)

    assert np.array_equal(to_input(content, SIZE, exif_rotation=True), to_input(content, SIZE))
