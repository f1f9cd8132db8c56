"""JPEG's draft mode, judged by the decoding of the full image."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from orchard.model.bad_image import BadImageError
from orchard.model.images import DRAFT_FACTOR, decode, to_input
from PIL import Image

from ..runs import encode, picture

SIZE = 16
AT_LEAST = DRAFT_FACTOR * SIZE
LARGE = (9 * AT_LEAST, 8 * AT_LEAST)


def draft(content: bytes, max_pixels: int = 10**9) -> np.ndarray:
    return to_input(content, SIZE, max_pixels, jpeg_draft=True)


@settings(max_examples=30)
@given(st.integers(1, 1200), st.integers(1, 1200))
@example(2 * AT_LEAST, 2 * AT_LEAST)
@example(2 * AT_LEAST - 1, 2 * AT_LEAST)
@example(8 * AT_LEAST, 16 * AT_LEAST)
def test_the_largest_reduction_is_taken_that_leaves_enough_rows_and_columns(width: int, height: int) -> None:
    content = encode(picture(1, (width, height)))

    found = decode(content, draft_size=AT_LEAST).size

    possible = [by for by in (8, 4, 2) if min(width, height) >= by * AT_LEAST]
    by = possible[0] if possible else 1
    assert found == (math.ceil(width / by), math.ceil(height / by))


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["one scan", "progressive"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_pixels_differ_little_from_those_of_the_full_image(mode: str, options: dict[str, Any]) -> None:
    content = encode(picture(2, LARGE).convert(mode), **options)

    full, reduced = to_input(content, SIZE), draft(content)

    # Observed: 0.004 at most, of numbers from -1 to 1.
    assert 0 < np.abs(full - reduced).mean() < 0.01


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_small_jpegs_and_other_formats_are_decoded_in_full(format: str) -> None:
    size = (2 * AT_LEAST - 1, 3 * AT_LEAST) if format == "JPEG" else LARGE
    content = encode(picture(3, size), format)

    np.testing.assert_array_equal(draft(content), to_input(content, SIZE))


def test_a_large_photo_is_turned_upright_as_well() -> None:
    exif = Image.Exif()
    # The orientation of a half turn.
    exif[0x0112] = 3
    content = encode(picture(4, LARGE), exif=exif.tobytes())

    turned = to_input(content, SIZE, exif_rotation=True, jpeg_draft=True)

    np.testing.assert_allclose(turned, draft(content)[::-1, ::-1], atol=0.02)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["one scan", "progressive"])
def test_a_file_that_lacks_pixels_is_refused_as_without_draft_mode(options: dict[str, Any]) -> None:
    content = encode(picture(5, LARGE), quality=95, **options)
    middle = len(content) // 2

    np.testing.assert_array_equal(draft(content[:-2]), draft(content))
    with pytest.raises(BadImageError, match=r"^truncated image$"):
        draft(content[:middle])
    if not options:
        with pytest.raises(BadImageError, match=r"^damaged image$"):
            draft(content[:middle] + b"\xff\xd9")


def test_the_limit_of_pixels_counts_the_full_image() -> None:
    width, height = LARGE
    content = encode(picture(6, LARGE))

    with pytest.raises(BadImageError, match=r"^too many pixels: more than"):
        draft(content, width * height - 1)
