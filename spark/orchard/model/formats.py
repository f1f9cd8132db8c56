"""Decodes files of all formats but JPEG with Pillow, and tells a truncated file from a damaged one."""

import io
import struct

from PIL import Image, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from orchard.model import conversions
from orchard.model.bad_image import DAMAGED, TRUNCATED, BadImageError
from orchard.model.jpeg import Prepare
from orchard.model.metadata import remove_metadata

# The only formats that are opened: none of these readers starts another program, as Pillow's reader of EPS does.
_READERS: dict[str, type[ImageFile]] = {
    "AVIF": AvifImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "JPEG2000": Jpeg2KImageFile,
    "PNG": PngImageFile,
    "PPM": PpmImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
}


def decode(content: bytes, format: str, prepare: Prepare) -> Image.Image:
    """Decode the first image of a file of a format that `kinds.identify` found.

    Raises:
        BadImageError: The file is truncated or damaged, or this build of Pillow lacks the format.
    """
    if format == "BMP" and (reason := _find_conversion(content)):
        raise BadImageError(reason)
    try:
        return _decode_once(content, format, prepare)
    except (BadImageError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001
        failure: Exception = error
    if format == "AVIF" and not features.check("avif"):
        raise BadImageError("unsupported: AVIF")
    if (bare := remove_metadata(content, format)) != content:
        try:
            return _decode_once(bare, format, prepare)
        except (BadImageError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001
            failure = error
    if conversions.are_line_endings_converted(content):
        raise BadImageError(conversions.LINE_ENDINGS)
    if conversions.is_converted_to_utf8(content):
        raise BadImageError(conversions.TEXT)
    raise BadImageError(TRUNCATED if _is_truncated(content, format, failure) else DAMAGED)


def _decode_once(content: bytes, format: str, prepare: Prepare) -> Image.Image:
    image = _READERS[format](io.BytesIO(content))
    prepare(image)
    image.load()
    return image


def _find_conversion(content: bytes) -> str | None:
    """Name the conversion of a BMP file that is longer than its header says; its pixels decode to garbage."""
    more = len(content) - int.from_bytes(content[2:6], "little")
    if more <= 0:
        return None
    if more == content.count(b"\n") == content.count(b"\r\n"):
        return conversions.LINE_ENDINGS
    return conversions.TEXT if conversions.is_converted_to_utf8(content) else None


def _is_truncated(content: bytes, format: str, failure: Exception) -> bool:
    """Whether a file that could not be decoded ends too early."""
    if format == "WEBP":
        return int.from_bytes(content[4:8], "little") > len(content) - 8
    if format in {"AVIF", "JPEG2000"} and content[:1] == b"\0":
        return _are_boxes_cut(content)
    if format == "TIFF" and _is_tiff_cut(content):
        return True
    if "truncated" in str(failure).lower():
        return True
    # A reader that runs out of data raises one of these, and Pillow wraps it.
    return isinstance(failure.__cause__ or failure, EOFError | IndexError | struct.error)


def _are_boxes_cut(content: bytes) -> bool:
    """Whether the last box of an ISO base media file ends after the file."""
    position = 0
    while position + 8 <= len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        if size == 1:
            size = int.from_bytes(content[position + 8 : position + 16], "big")
        if size < 8:
            return False
        position += size
    return position != len(content)


def _is_tiff_cut(content: bytes) -> bool:
    """Whether a TIFF file ends before its first directory does, or before the strips or tiles listed there do."""
    order = "<" if content[:2] == b"II" else ">"
    try:
        (directory,) = struct.unpack_from(order + "I", content, 4)
        (entries,) = struct.unpack_from(order + "H", content, directory)
        if directory + 2 + 12 * entries > len(content):
            return True
        tags = TiffImageFile(io.BytesIO(content)).tag_v2
    except struct.error:
        return True
    except Exception:  # noqa: BLE001
        return False
    for offsets, counts in ((273, 279), (324, 325)):
        parts = zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
        if any(offset + count > len(content) for offset, count in parts):
            return True
    return False
