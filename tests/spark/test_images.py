import io
import warnings

import numpy as np
import pytest
from orchard.images import BadImageError, to_input
from PIL import Image

from .runs import encode, picture


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"this is no image at all", "not an image"),
        (encode(picture(1))[:700], "truncated image"),
        (encode(picture(1), "PNG")[:2000], "truncated image"),
        (encode(picture(1))[:20], "not an image"),
        (encode(picture(1), "PNG")[:300] + b"\0" * 400 + encode(picture(1), "PNG")[700:], "damaged image"),
    ],
)
def test_bad_images_have_a_stable_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadImageError, match=f"^{reason}$"):
        to_input(content, 224)


@pytest.mark.parametrize("factor", [1.5, 3.0])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    # Pillow warns above its limit, and raises above twice that: both are refusals here.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(100 * 100 / factor))

    with pytest.raises(BadImageError, match=r"^too many pixels$"), warnings.catch_warnings():
        to_input(encode(picture(1)), 224)


def test_pixels_are_scaled_to_one() -> None:
    white, black = (encode(Image.new("RGB", (10, 10), colour), "PNG") for colour in ("white", "black"))

    assert np.all(to_input(white, 224) == np.float32(1))
    assert np.all(to_input(black, 224) == np.float32(-1))
    assert to_input(white, 224).dtype == np.float32
    assert to_input(white, 224).shape == (224, 224, 3)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(mode: str) -> None:
    buffer = io.BytesIO()
    picture(2).convert(mode).save(buffer, "TIFF" if mode in ("CMYK", "YCbCr") else "PNG")

    assert to_input(buffer.getvalue(), 224).shape == (224, 224, 3)


def test_sixteen_bit_grey_keeps_its_shades() -> None:
    shades = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)

    found = to_input(encode(Image.fromarray(shades), "PNG"), 224)

    eight_bit = to_input(encode(Image.fromarray((shades >> 8).astype(np.uint8)), "PNG"), 224)
    np.testing.assert_array_equal(found, eight_bit)
    assert found.std() > 0.5
