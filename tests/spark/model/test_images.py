import functools
import io
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from orchard.model import images
from orchard.model.bad_image import BadImageError
from orchard.model.images import to_input
from PIL import Image, ImageFile

from ..runs import ROOT, encode, picture


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"this is no image at all", "text, not an image"),
        (encode(picture(1))[:700], "truncated image"),
        (encode(picture(1), "PNG")[:2000], "truncated image"),
        (encode(picture(1))[:20], "truncated image"),
        (encode(picture(1), "PNG")[:300] + b"\0" * 400 + encode(picture(1), "PNG")[700:], "damaged image"),
    ],
)
def test_bad_images_have_a_stable_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadImageError, match=f"^{reason}$"):
        to_input(content, 224)


@pytest.mark.parametrize("after", [b"\xff\xd8", encode(picture(1))[:700]], ids=["start", "scan"])
def test_many_fill_bytes_in_a_jpeg_take_linear_time(after: bytes) -> None:
    # With a pattern that backtracks, each of these files took hours. No time is asserted: the test would hang.
    with pytest.raises(BadImageError):
        to_input(after + b"\xff" * 2_000_000 + b"\x00", 224)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF"])
def test_an_image_above_the_limit_is_refused_before_it_is_decoded(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("was decoded"))

    with pytest.raises(BadImageError, match=r"^too many pixels: more than 9,999$"):
        to_input(encode(picture(1), format), 224, 9_999)


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
REASONS = re.compile(
    r"empty file|only zeros|(text, )?not an image( \(.*\))?|truncated image|damaged (image|by .*)|unsupported: .*"
)


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
            assert REASONS.fullmatch(str(error))
        else:
            assert found.shape == (224, 224, 3)
            assert np.abs(found).max() <= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
@pytest.mark.parametrize(("mode", "format"), [("CMYK", "JPEG"), ("I;16", "PNG")])
def test_a_photo_of_50_megapixels_takes_4_bytes_a_pixel(mode: str, format: str) -> None:
    # A new process, because this one's peak memory includes earlier tests.
    script = f"""
import io, pathlib, re
from orchard.model.images import to_input
from PIL import Image
def peak_kib():
    # Not getrusage(), whose peak includes that of the parent process.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
content = io.BytesIO()
image = Image.new("{mode}", (8160, 6144))
image.save(content, "{format}", compress_level=1)
del image
pathlib.Path("/proc/self/clear_refs").write_text("5")
before = peak_kib()
print(to_input(content.getvalue(), 224).shape)
print(peak_kib() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT / "spark"
    )

    shape, peak_kib = done.stdout.splitlines()
    assert shape == "(224, 224, 3)"
    assert int(peak_kib) * 1024 < 4 * 8160 * 6144 + 60e6


large_picture = functools.cache(functools.partial(picture, 7))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I"])
@pytest.mark.parametrize("size", [(900, 300), (1000, 1500), (600, 2000)])
def test_bands_of_rows_give_the_same_pixels(mode: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    shades = large_picture(size).convert("L")
    wide = Image.fromarray(np.asarray(shades).astype(np.uint16) * 257)
    image = wide if mode == "I;16" else wide.convert("I") if mode == "I" else large_picture(size).convert(mode)
    content = encode(image, "TIFF")
    whole = to_input(content, 224)

    monkeypatch.setattr(images, "BAND_PIXELS", 37 * size[0])

    np.testing.assert_array_equal(to_input(content, 224), whole)
