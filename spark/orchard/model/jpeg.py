"""Decodes JPEG files, and detects incomplete ones, for which libjpeg only issues a warning.

libjpeg fills missing blocks with gray and continues, and Pillow hides the warning. Missing data can be detected in
files with a single Huffman-coded scan, as nearly all have, because the decoder suspends when it runs out of input.
"""

import io
import re
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from orchard.model.bad_image import DAMAGED, TRUNCATED, BadImageError, TooManyPixelsError
from orchard.model.conversions import LINE_ENDINGS, are_line_endings_converted

Prepare = Callable[[Image.Image], None]

END = b"\xff\xd9"
# libjpeg reads ahead as much as its bit buffer holds, 64 bits (jdhuff.h, BIT_BUF_SIZE).
_READ_AHEAD = bytes(8)
_BLOCK = 65536
# Data that change the pixels if a scan still needs data; otherwise, libjpeg skips them as it looks for a marker.
_NOISE = bytes(range(1, 255)) * 2

# ITU-T T.81, table B.1.
_SOI_AND_RESTARTS = {0x01, *range(0xD0, 0xD9)}
_SCAN = 0xDA
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_HIERARCHICAL = {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE}
_LOSSLESS = {0xC3, 0xCB}
_ARITHMETIC = {0xC9, 0xCA}
_AFTER_SCAN = {0xC4, 0xCC, *range(0xD9, 0xDE), *range(0xE0, 0xF0), 0xFE}
# Comments and application data do not change pixels, except APP0 and APP14, which name the colour space.
_NO_PIXELS = {0xFE, *range(0xE1, 0xF0)} - {0xEE}


class _Segment(NamedTuple):
    marker: int
    start: int
    end: int


def decode(content: bytes, prepare: Prepare) -> Image.Image:
    """Decode the first image of a JPEG file, with the pixels that Pillow gives.

    A missing end marker is accepted if no data are missing before it. Bytes left over after the last block are accepted
    because libjpeg, browsers and OpenCV skip them, too.

    Raises:
        BadImageError: The file is truncated or damaged, or uses a coding process that libjpeg does not support.
    """
    if are_line_endings_converted(content):
        raise BadImageError(LINE_ENDINGS)
    try:
        return _decode_once(content, prepare)
    except (BadImageError, MemoryError):
        raise
    except Exception:  # noqa: BLE001
        segments = _list_segments(content)
        _refuse_unsupported(content, segments)
        return _decode_again(content, segments, prepare)


def _decode_once(content: bytes, prepare: Prepare, *, in_one_piece: bool = False) -> Image.Image:
    # Image.open would also read the list of a multi-picture file's other images, and fail if that list is damaged.
    image = JpegImageFile(io.BytesIO(content))
    prepare(image)
    assert image.fp is not None
    data = image.fp.tell()
    if in_one_piece or not _has_one_scan(content, image, data):
        image.decodermaxblock = len(content)
        image.load()
        return image
    feed = _Feed(content, data)
    image.load_read = feed.read  # type: ignore[method-assign]
    image.load()
    if feed.ran_out:
        raise BadImageError(DAMAGED if feed.has_end else TRUNCATED)
    return image


def _has_one_scan(content: bytes, image: JpegImageFile, data: int) -> bool:
    """Whether the scan whose data begin at `data` has all components, with all their coefficients."""
    header = data - 4 - 2 * image.layers
    return content[header] == image.layers and content[data - 3 : data] == b"\x00\x3f\x00"


class _Feed:
    """Gives the decoder a file up to its end marker, then as much as it reads ahead, and only then the end marker."""

    def __init__(self, content: bytes, data: int) -> None:
        self._content = content
        self._position = 0
        end = content.find(END, data)
        self.has_end = end >= 0
        self._end = end if self.has_end else len(content)
        self._last = [END, _READ_AHEAD]

    def read(self, read_bytes: int) -> bytes:
        """Return the next bytes, however many were requested; Pillow calls this in place of its `load_read`."""
        del read_bytes
        if self._position < self._end:
            start = self._position
            self._position = min(start + _BLOCK, self._end)
            return self._content[start : self._position]
        return self._last.pop() if self._last else b""

    @property
    def ran_out(self) -> bool:
        """Whether the decoder needed more data than there were before the end marker."""
        return not self._last


def _list_segments(content: bytes) -> list[_Segment]:
    """List the segments up to the first scan's header, or up to where the file ends or is damaged."""
    found: list[_Segment] = []
    position = 2
    # A marker may follow any number of fill bytes 0xff. Without a quantifier, many of them take linear time.
    marker = re.compile(rb"\xff([^\x00\xff])")
    while at := marker.search(content, position):
        position = at.end()
        code = at[1][0]
        if code in _SOI_AND_RESTARTS:
            continue
        end = position + max(2, int.from_bytes(content[position : position + 2], "big"))
        found.append(_Segment(code, position - 2, end))
        if code in {_SCAN, 0xD9} or end > len(content):
            break
        position = end
    return found


def _refuse_unsupported(content: bytes, segments: list[_Segment]) -> None:
    for marker, start, _ in segments:
        if marker in _HIERARCHICAL:
            raise BadImageError("unsupported: hierarchical JPEG")
        if marker in _LOSSLESS:
            raise BadImageError("unsupported: lossless JPEG")
        if marker in _FRAMES and start + 10 <= len(content):
            bits, height, components = content[start + 4], content[start + 5 : start + 7], content[start + 9]
            if bits != 8:
                raise BadImageError(f"unsupported: {bits}-bit JPEG" if bits in {12, 16} else DAMAGED)
            if height == b"\0\0":
                raise BadImageError("unsupported: JPEG without a height")
            if components not in {1, 3, 4}:
                raise BadImageError("unsupported: JPEG with 2 components" if components == 2 else DAMAGED)


def _decode_again(content: bytes, segments: list[_Segment], prepare: Prepare) -> Image.Image:
    """Decode a file again after a failure, without the segments and the appended data that have no pixels."""
    if not segments or segments[-1].end >= len(content):
        raise BadImageError(TRUNCATED)
    if segments[-1].marker != _SCAN:
        raise BadImageError(DAMAGED)
    # libjpeg cannot suspend in arithmetic-coded data.
    in_one_piece = any(marker in _ARITHMETIC for marker, _, _ in segments)
    header = [content[start:end] for marker, start, end in segments if marker not in _NO_PIXELS]
    data = content[segments[-1].end :]
    pixels = _cut_at_foreign_marker(data)
    bare = b"".join([content[:2], *header, pixels])
    if END not in data and pixels == data:
        return _decode_without_end(bare, prepare, in_one_piece=in_one_piece)
    try:
        return _decode_once(bare, prepare, in_one_piece=in_one_piece)
    except (TooManyPixelsError, MemoryError):
        raise
    except Exception:  # noqa: BLE001
        raise BadImageError(DAMAGED) from None


def _cut_at_foreign_marker(data: bytes) -> bytes:
    """Return data up to the first marker that no JPEG has after a scan, such as one in an appended video."""
    marker = re.search(rb"\xff([^\x00\xff\xd0-\xd7])", data)
    return data if marker is None or marker[1][0] in _AFTER_SCAN else data[: marker.start()].rstrip(b"\xff")


def _decode_without_end(content: bytes, prepare: Prepare, *, in_one_piece: bool) -> Image.Image:
    """Decode a file of several scans without an end marker; it is complete if appended noise changes no pixel."""
    try:
        image, other = (
            _decode_once(content + more + END, prepare, in_one_piece=in_one_piece) for more in (b"", _NOISE)
        )
    except (TooManyPixelsError, MemoryError):
        raise
    except Exception:  # noqa: BLE001
        raise BadImageError(TRUNCATED) from None
    if image.tobytes() != other.tobytes():
        raise BadImageError(TRUNCATED)
    return image
