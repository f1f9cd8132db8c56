import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from orchard.model.images import BadImageError, to_input
from PIL import Image

from ..runs import ROOT, encode, picture


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
    # Pillow warns above its limit and raises above twice the limit; both must be refused.
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


JPEGS = [encode(picture(3)), encode(picture(4), progressive=True), encode(picture(5).convert("CMYK"))]
REASONS = {"empty file", "not an image", "truncated image", "damaged image", "too many pixels"}


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Generate a JPEG or PNG with some bytes replaced, possibly truncated."""
    content = bytearray(draw(st.sampled_from([*JPEGS, encode(picture(6), "PNG")])))
    for _ in range(draw(st.integers(1, 8))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000) | mutated() | st.binary(max_size=500).map(lambda rest: JPEGS[0][:200] + rest))
@example(b"\xff\xd8\xff\xe0" + b"\x00\x10JFIF\x00" + bytes(range(256)) * 8)
def test_any_bytes_give_an_input_or_a_known_reason(content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = to_input(content, 224)
        except BadImageError as error:
            assert str(error) in REASONS
        else:
            assert found.shape == (224, 224, 3)
            assert np.abs(found).max() <= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
def test_the_largest_accepted_image_fits_into_a_worker() -> None:
    # A new process, whose peak memory is not that of earlier tests.
    script = """
import io, re
from orchard.model.images import BadImageError, to_input
from PIL import Image
def encode(side):
    content = io.BytesIO()
    Image.new("RGB", (side, side)).save(content, "JPEG")
    return content.getvalue()
small, large = encode(7000), encode(10_000)
for content in (small, large):
    try:
        print(to_input(content, 224).shape)
    except BadImageError as error:
        print(error)
# Not getrusage(), whose peak includes that of the parent process.
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT / "spark"
    )

    *answers, peak_kib = done.stdout.splitlines()
    assert answers == ["(224, 224, 3)", "too many pixels"]
    assert int(peak_kib) < 500_000
