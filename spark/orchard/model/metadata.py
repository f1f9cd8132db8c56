"""Removes metadata from image files, because readers refuse a whole file if its text or profile is large or damaged."""

import struct
from collections.abc import Callable

# PNG specification, 5.6: the chunks that determine the colours, alpha apart.
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_PNG_SIGNATURE = 8
_CHUNK_FRAME = 12  # length, type and CRC

_RIFF_HEADER = 12

# TIFF 6.0, and Adobe's and EXIF's extensions: descriptions, names, dates; XMP, IPTC, Photoshop, profiles, EXIF and GPS.
_TIFF_METADATA = {269, 270, 271, 272, 285, 305, 306, 315, 316, 700, 33432, 33723, 34377, 34665, 34675, 34853, 37724}
_TIFF_ENTRY = 12
_TIFF_EMPTY_ENTRY = (1, 1, 0)  # one byte, which is 0


def remove_metadata(content: bytes, format: str) -> bytes:
    """Return a file of the same pixels without metadata; the same file if nothing is known about its format."""
    remove = _REMOVERS.get(format)
    return content if remove is None else remove(content)


def _keep_pixel_chunks(content: bytes) -> bytes:
    """Return a PNG file without the chunks that have no influence on its colours, even if their length is damaged."""
    kept = [content[:_PNG_SIGNATURE]]
    position = _PNG_SIGNATURE
    while position + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + _CHUNK_FRAME + length
        if kind in _PIXEL_CHUNKS:
            kept.append(content[position:end])
        elif end > len(content) or not kind.isalpha():
            following = [found for name in _PIXEL_CHUNKS if (found := content.find(name, position + 8)) >= 0]
            end = min(following, default=len(content) + 4) - 4
        position = end
    return b"".join(kept)


def _keep_bitstream(content: bytes) -> bytes:
    """Return a WebP file with nothing but the bitstream of a still image; an animation as it is."""
    position = _RIFF_HEADER
    while position + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, position)
        end = position + 8 + length + length % 2
        if kind in {b"VP8 ", b"VP8L"}:
            chunk = content[position : position + 8 + length]
            if len(chunk) < 8 + length:
                return content
            chunk += bytes(length % 2)
            return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
        position = end
    return content


def _blank_tags(content: bytes) -> bytes:
    """Return a TIFF file whose metadata tags are blank, so that every offset stays the same."""
    order = "<" if content[:2] == b"II" else ">"
    blank = bytearray(content)
    try:
        (directory,) = struct.unpack_from(order + "I", content, 4)
        (entries,) = struct.unpack_from(order + "H", content, directory)
        for at in range(directory + 2, directory + 2 + _TIFF_ENTRY * entries, _TIFF_ENTRY):
            if struct.unpack_from(order + "H", content, at)[0] in _TIFF_METADATA:
                struct.pack_into(order + "HII", blank, at + 2, *_TIFF_EMPTY_ENTRY)
    except struct.error:
        return content
    return bytes(blank)


_REMOVERS: dict[str, Callable[[bytes], bytes]] = {
    "PNG": _keep_pixel_chunks,
    "TIFF": _blank_tags,
    "WEBP": _keep_bitstream,
}
