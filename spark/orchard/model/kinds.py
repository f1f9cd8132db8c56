"""Tells the format of a file by its first bytes, as its name may be wrong, and names files that are no images.

Signatures are from the formats' specifications and from Gary Kessler's table of file signatures.
"""

import re

from orchard.model import conversions
from orchard.model.bad_image import BadImageError

_VIDEO_OR_AUDIO = "not an image (video or audio)"

# Pillow's names of the formats that are opened. None of Pillow's decoders for them starts another program.
_SIGNATURES: list[tuple[bytes, str]] = [
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WEBP"),
    # Two letters are no proof: the size of the second header follows the first one, of 14 bytes.
    (rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", "BMP"),
    (rb"II\*\x00(?!\x10\x00\x00\x00CR)|MM\x00\*|II\+\x00|MM\x00\+", "TIFF"),
    (rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "JPEG2000"),
    (rb"P[1-6]\s+[#0-9]", "PPM"),
]
_OTHERS: list[tuple[bytes, str]] = [
    (rb"\x00\x05\x16[\x00\x07]", "AppleDouble"),
    (rb"version https://git-lfs\.github\.com/spec/", "Git LFS pointer"),
    (rb"(\.\./)*(\.git)?/annex/objects/", "git-annex pointer"),
    # The signatures of PNG and JPEG 2000 have line endings and a byte outside of ASCII for this purpose.
    (rb"\x89PNG[\r\n]|\x00\x00\x00\x0cjP  (\r\r\n|\n)", conversions.LINE_ENDINGS),
    (rb"(\xef\xbf\xbd){3}|\xc3\xbf\xc3\x98\xc3\xbf|(\xef\xbf\xbd|\xc2\x89|\t)PNG\r?\n", conversions.TEXT),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "unsupported: EPS"),
    (rb"%PDF-", "unsupported: PDF"),
    (rb"8BP[SB]", "unsupported: PSD"),
    (rb"\x00\x00[\x01\x02]\x00[^\x00]\x00", "unsupported: ICO"),
    (rb"icns", "unsupported: ICNS"),
    (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "unsupported: JPEG XL"),
    (rb"II\xbc", "unsupported: JPEG XR"),
    (rb"BPG\xfb", "unsupported: BPG"),
    (rb"FLIF", "unsupported: FLIF"),
    (rb"qoif", "unsupported: QOI"),
    (rb"DDS ", "unsupported: DDS"),
    (rb"\x01\xda[\x00\x01][\x01\x02]", "unsupported: SGI"),
    (rb"\x0a[\x00-\x05]\x01[\x01\x02\x04\x08]", "unsupported: PCX"),
    (rb"\x76\x2f\x31\x01", "unsupported: OpenEXR"),
    (rb"#\?R(ADIANCE|GBE)", "unsupported: Radiance HDR"),
    (rb"SIMPLE  =", "unsupported: FITS"),
    (rb"gimp xcf", "unsupported: XCF"),
    (rb"/\* XPM \*/", "unsupported: XPM"),
    (rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF", "unsupported: WMF"),
    (rb"II\*\x00\x10\x00\x00\x00CR|FUJIFILM|IIRO|IIU\x00|\x00MRM", "unsupported: camera raw"),
    (rb".{128}DICM", "unsupported: DICOM"),
    (rb"RIFF....(AVI |WAVE)|\x1a\x45\xdf\xa3|\x00\x00\x01[\xb3\xba]|FLV\x01|OggS|ID3|fLaC", _VIDEO_OR_AUDIO),
    (rb"PK(\x03\x04|\x05\x06)|Rar!|7z\xbc\xaf|\x1f\x8b|BZh[1-9]|\xfd7zXZ|\x28\xb5\x2f\xfd", "not an image (archive)"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not an image (Thumbs.db or Office document)"),
    (rb"\x00\x00\x00\x01Bud1", "not an image (.DS_Store)"),
    (rb"\x89HDF|\x93NUMPY|PAR1|ARROW1|SQLite format 3", "not an image (data file)"),
    (rb"\x7fELF|MZ.{58}", "not an image (program)"),
]
_FORMAT = [(re.compile(pattern, re.DOTALL), name) for pattern, name in _SIGNATURES]
_OTHER = [(re.compile(pattern, re.DOTALL), reason) for pattern, reason in _OTHERS]

# ISO/IEC 14496-12: the first box of a file names the brands it conforms to; HEIF's are in ISO/IEC 23008-12, B.4.
_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}

# Bytes that no text has: control characters except tab, line feed, form feed, carriage return and escape.
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_LOOK = 4096


def identify(content: bytes) -> str:
    """Return Pillow's name of a file's format.

    Raises:
        BadImageError: The file is empty, or of no format that the decoder opens; the reason names what it is.
    """
    for pattern, name in _FORMAT:
        if pattern.match(content):
            return name
    if content[4:8] == b"ftyp":
        return _identify_brand(content)
    raise BadImageError(_explain(content))


def _identify_brand(content: bytes) -> str:
    size = int.from_bytes(content[:4], "big")
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, min(size, 256, len(content)), 4))}
    if brands & _AVIF:
        return "AVIF"
    if brands & _HEIF:
        raise BadImageError("unsupported: HEIC")
    if content[8:12] == b"crx ":
        raise BadImageError("unsupported: camera raw")
    raise BadImageError(_VIDEO_OR_AUDIO)


def _explain(content: bytes) -> str:
    if not content:
        return "empty file"
    for pattern, reason in _OTHER:
        if pattern.match(content):
            return reason
    if not content.strip(b"\0"):
        return "only zeros"
    start = content[:_LOOK]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start.decode("utf-16", "replace").encode()
    if not _is_text(start):
        return "not an image"
    kind = _text_kind(start.removeprefix(b"\xef\xbb\xbf").lstrip().lower())
    return f"text, not an image ({kind})" if kind else "text, not an image"


def _is_text(start: bytes) -> bool:
    if _NOT_TEXT.search(start):
        return False
    # In UTF-8, or in another encoding with few letters outside of ASCII. The last character may be cut.
    try:
        start[:-3].decode() if len(start) == _LOOK else start.decode()
    except UnicodeDecodeError:
        return sum(byte >= 0x80 for byte in start) < len(start) / 4
    return True


def _text_kind(start: bytes) -> str | None:
    if b"<html" in start or start.startswith((b"<!doctype html", b"<head", b"<body", b"<script")):
        return "HTML"
    if b"<svg" in start:
        return "SVG"
    if start.startswith(b"<?xml"):
        return "XML"
    if re.match(rb'\{\s*["}]|\[\s*[\[{"\]0-9-]', start):
        return "JSON"
    if start.startswith((b"data:image/", b"/9j/", b"ivborw0kggo", b"r0lgod", b"uklgr")):
        return "Base64"
    return None
