"""Generates a file of each unusual kind, with the result that the decoder must have for it."""

import base64
import random
import struct
import zlib
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin

from ..runs import encode, picture

PICTURE = picture(1)
JPEG, PNG, GIF = encode(PICTURE), encode(PICTURE, "PNG"), encode(PICTURE, "GIF")
PROGRESSIVE, CMYK = encode(PICTURE, progressive=True), encode(PICTURE.convert("CMYK"))
WEBP, BMP, AVIF = encode(PICTURE, "WEBP"), encode(PICTURE, "BMP"), encode(PICTURE, "AVIF")
TIFF, LZW = encode(PICTURE, "TIFF"), encode(PICTURE, "TIFF", compression="tiff_lzw")
JPEG_2000, PPM = encode(PICTURE, "JPEG2000"), encode(PICTURE, "PPM")
SHADES = encode(Image.fromarray((np.add.outer(np.arange(16), np.arange(16) * 3) % 64 * 4).astype(np.uint8)), quality=90)
# SHADES with arithmetic coding, made by `jpegtran -arithmetic`.
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
    "FRUVDA8XGBYUGBIUFRT/yQALCAAQABABAREA/8wABgAQEAX/2gAIAQEAAD8A/wDcG99fVlRO0KJ78wpNMq03z5J9w6IIgmSK/9k="
)
SCAN, FRAME = JPEG.index(b"\xff\xda"), JPEG.index(b"\xff\xc0")

TRUNCATED, DAMAGED = "truncated image", "damaged image"
LINE_ENDINGS, TO_TEXT = "damaged by conversion of line endings", "damaged by conversion to text"


class Pixels(NamedTuple):
    """The outcome of a file that decodes to the same pixels as another one."""

    of: bytes


def patch(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def cut(content: bytes, count: int) -> bytes:
    return content[:-count]


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def crlf(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def utf8(content: bytes) -> bytes:
    return content.decode("utf-8", "replace").encode()


def chunk(kind: bytes, body: bytes, *, sum_is_wrong: bool = False) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ sum_is_wrong)


def with_chunk(*chunks: bytes) -> bytes:
    """Insert chunks after the header of a PNG."""
    return PNG[:33] + b"".join(chunks) + PNG[33:]


def with_segment(marker: int, body: bytes, length: int | None = None) -> bytes:
    """Insert a segment at the start of a JPEG."""
    size = len(body) + 2 if length is None else length
    return JPEG[:2] + bytes([0xFF, marker]) + struct.pack(">H", size) + body + JPEG[2:]


def frames(format: str, **options: Any) -> bytes:
    return encode(PICTURE, format, save_all=True, append_images=[picture(2)], **options)


def large_text() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("comment", "x" * 1_400_000, zip=True)
    info.add_text("other", "y" * 2_000_000, zip=True)
    return encode(PICTURE, "PNG", pnginfo=info)


def without_random(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size).replace(b"\xff", b"\0")


WEBP_WITH_XMP = encode(PICTURE, "WEBP", exif=b"Exif\0\0MM\0*", xmp=b"x" * 5000)
DESCRIBED = encode(PICTURE, "TIFF", compression="tiff_lzw", description="x" * 3000)
MULTI_PICTURE = frames("MPO")
MPF = MULTI_PICTURE.index(b"MPF\0") + 4
APNG = frames("PNG")
PALETTE = encode(PICTURE.quantize(64), "PNG")
VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(50) + b"\xff\x41\xff\xd9" + bytes(50)
ROTATED = Image.Exif()
ROTATED[0x0112] = 6

GOOD_FORMATS: dict[str, tuple[bytes, Pixels]] = {
    "a PNG": (PNG, Pixels(PNG)),
    "a BMP": (BMP, Pixels(PNG)),
    "a TIFF": (TIFF, Pixels(PNG)),
    "a compressed TIFF": (LZW, Pixels(PNG)),
    "a BigTIFF": (encode(PICTURE, "TIFF", big_tiff=True), Pixels(PNG)),
    "a PPM": (PPM, Pixels(PNG)),
    "a lossless JPEG 2000": (JPEG_2000, Pixels(PNG)),
    "a lossless WebP": (encode(PICTURE, "WEBP", lossless=True), Pixels(PNG)),
    "a lossy WebP": (WEBP, Pixels(WEBP)),
    "an AVIF": (AVIF, Pixels(AVIF)),
    "a progressive JPEG": (PROGRESSIVE, Pixels(JPEG)),
    "an arithmetic-coded JPEG": (ARITHMETIC, Pixels(SHADES)),
    "a CMYK JPEG": (CMYK, Pixels(CMYK)),
    "a multi-picture JPEG": (MULTI_PICTURE, Pixels(JPEG)),
    "an animated GIF": (frames("GIF"), Pixels(GIF)),
    "an animated PNG": (APNG, Pixels(PNG)),
    "an animated WebP": (frames("WEBP", lossless=True), Pixels(PNG)),
    "a TIFF of several pages": (frames("TIFF"), Pixels(PNG)),
    "a JPEG with an orientation": (encode(PICTURE, exif=ROTATED.tobytes()), Pixels(JPEG)),
}

HARMLESS: dict[str, tuple[bytes, Pixels]] = {
    "a JPEG without its end marker": (cut(JPEG, 2), Pixels(JPEG)),
    "a JPEG with half an end marker": (cut(JPEG, 1), Pixels(JPEG)),
    "a CMYK JPEG without its end marker": (cut(CMYK, 2), Pixels(CMYK)),
    "a progressive JPEG without its end marker": (cut(PROGRESSIVE, 2), Pixels(JPEG)),
    "a JPEG followed by other bytes": (JPEG + b"PK\x03\x04 and more", Pixels(JPEG)),
    "a JPEG with bytes after its last block": (cut(JPEG, 2) + without_random(1, 228) + b"\xff\xd9", Pixels(JPEG)),
    "a JPEG without its end marker that a video follows": (cut(JPEG, 2) + VIDEO, Pixels(JPEG)),
    "a progressive JPEG without its end marker, with EXIF data": (
        cut(encode(PICTURE, progressive=True, exif=ROTATED.tobytes()), 2),
        Pixels(JPEG),
    ),
    "a JPEG with damaged EXIF data": (with_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"), Pixels(JPEG)),
    "a JPEG with a damaged Photoshop segment": (with_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\0"), Pixels(JPEG)),
    "a JPEG with an empty application segment": (with_segment(0xE5, b""), Pixels(JPEG)),
    "a JPEG with a segment of an impossible length": (with_segment(0xE5, b"", 0), Pixels(JPEG)),
    "a multi-picture JPEG with a damaged index": (patch(MULTI_PICTURE, MPF, b"\xff" * 30), Pixels(JPEG)),
    "a multi-picture JPEG without its second picture": (
        cut(MULTI_PICTURE, 500),
        Pixels(JPEG),
    ),
    "a PNG without its last chunk": (cut(PNG, 12), Pixels(PNG)),
    "a PNG followed by other bytes": (PNG + b"junk", Pixels(PNG)),
    "a PNG with megabytes of text": (large_text(), Pixels(PNG)),
    "a PNG with a large colour profile": (encode(PICTURE, "PNG", icc_profile=bytes(2_000_000)), Pixels(PNG)),
    "a PNG with a damaged text chunk": (with_chunk(chunk(b"tEXt", b"a\0b", sum_is_wrong=True)), Pixels(PNG)),
    "a PNG with text of an unknown compression": (with_chunk(chunk(b"zTXt", b"a\0\x07b")), Pixels(PNG)),
    "a PNG with a profile of an unknown compression": (with_chunk(chunk(b"iCCP", b"a\0\x07b")), Pixels(PNG)),
    "a PNG with a gamma chunk that is too short": (with_chunk(chunk(b"gAMA", b"\0")), Pixels(PNG)),
    "a PNG with a private chunk": (with_chunk(chunk(b"prVt", b"x" * 99)), Pixels(PNG)),
    "a PNG with a chunk of an impossible length": (with_chunk(b"\x7f\xff\xff\xfftEXtcomment"), Pixels(PNG)),
    "an animated PNG with a damaged frame": (APNG.replace(b"fcTL\0\0\0\0", b"fcTL\0\0\0\x09", 1), Pixels(PNG)),
    "a GIF without its last byte": (cut(GIF, 1), Pixels(GIF)),
    "a WebP that ends in its XMP data": (cut(WEBP_WITH_XMP, 1000), Pixels(WEBP)),
    "a WebP with EXIF data of an impossible length": (
        patch(WEBP_WITH_XMP, WEBP_WITH_XMP.index(b"EXIF") + 4, b"\xff\xff\xff\x0f"),
        Pixels(WEBP),
    ),
    "a TIFF with a description outside of the file": (
        patch(DESCRIBED, DESCRIBED.index(b"\x0e\x01\x02\x00") + 8, b"\xff\xff\xff\x7f"),
        Pixels(PNG),
    ),
    "a WebP followed by other bytes": (WEBP + b"junk", Pixels(WEBP)),
    "a BMP followed by other bytes": (BMP + b"junk", Pixels(PNG)),
}

UNUSABLE: dict[str, tuple[bytes, str]] = {
    "an empty file": (b"", "empty file"),
    "a file of zeros": (bytes(5000), "only zeros"),
    "random bytes": (b"\x93" + without_random(2, 3000), "not an image"),
    "plain text": (b"no image", "text, not an image"),
    "text in UTF-16": ("no image".encode("utf-16"), "text, not an image"),
    "text in Latin-1": ("Kein Bild, sondern ein schöner Text".encode("latin-1"), "text, not an image"),
    "a web page": (b"\n<!DOCTYPE html>\n<html><body>404 Not Found</body></html>", "text, not an image (HTML)"),
    "an SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "text, not an image (SVG)"),
    "an S3 error": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "text, not an image (XML)"),
    "a JSON error": (b'{"message": "Forbidden"}', "text, not an image (JSON)"),
    "a link to a web page": (b"[InternetShortcut]\r\nURL=https://example.org", "text, not an image"),
    "a JPEG in Base64": (b"/9j/4AAQSkZJRgABAQAAAQABAAD", "text, not an image (Base64)"),
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
        "Git LFS pointer",
    ),
    "a git-annex pointer": (b"/annex/objects/SHA256E-s9--00.jpg\n", "git-annex pointer"),
    "an AppleDouble companion": (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(80), "AppleDouble"),
    "a HEIC": (patch(AVIF, 8, b"heic\0\0\0\0mif1heic" + b"heic" * 2), "unsupported: HEIC"),
    "an EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unsupported: EPS"),
    "an EPS with a preview": (b"\xc5\xd0\xd3\xc6" + bytes(28) + b"%!PS-Adobe-3.0 EPSF-3.0\n", "unsupported: EPS"),
    "a PDF": (encode(PICTURE, "PDF"), "unsupported: PDF"),
    "an ICO": (encode(PICTURE, "ICO"), "unsupported: ICO"),
    "a Photoshop file": (b"8BPS\0\1" + bytes(30), "unsupported: PSD"),
    "a DDS": (encode(PICTURE, "DDS"), "unsupported: DDS"),
    "an SGI": (encode(PICTURE, "SGI"), "unsupported: SGI"),
    "a PCX": (encode(PICTURE, "PCX"), "unsupported: PCX"),
    "a JPEG XL": (b"\xff\x0a" + bytes(range(50)), "unsupported: JPEG XL"),
    "a camera's raw file": (b"II*\0\x10\0\0\0CR\x02\0" + bytes(50), "unsupported: camera raw"),
    "a video": (VIDEO, "not an image (video or audio)"),
    "a ZIP archive": (b"PK\x03\x04" + bytes(30), "not an image (archive)"),
    "a 12-bit JPEG": (patch(JPEG, FRAME + 4, b"\x0c"), "unsupported: 12-bit JPEG"),
    "a lossless JPEG": (patch(JPEG, FRAME, b"\xff\xc3"), "unsupported: lossless JPEG"),
    "a hierarchical JPEG": (patch(JPEG, FRAME, b"\xff\xc5"), "unsupported: hierarchical JPEG"),
    "a JPEG without a height": (patch(JPEG, FRAME + 5, b"\0\0"), "unsupported: JPEG without a height"),
    "a JPEG with 2 components": (patch(JPEG, FRAME + 9, b"\x02"), "unsupported: JPEG with 2 components"),
    "a large picture": (encode(Image.new("1", (20_000, 10_000)), "PNG"), "too many pixels: more than 80,000,000"),
    "half a JPEG": (half(JPEG), TRUNCATED),
    "half a progressive JPEG": (half(PROGRESSIVE), TRUNCATED),
    "a JPEG that lacks 8 bytes": (cut(JPEG, 8), TRUNCATED),
    "a JPEG whose second half is zeros": (half(JPEG) + bytes(len(JPEG) // 2), TRUNCATED),
    "half an arithmetic-coded JPEG": (cut(ARITHMETIC, 20), TRUNCATED),
    "the start of a JPEG's header": (JPEG[:20], TRUNCATED),
    "a JPEG without a scan": (JPEG[:SCAN], TRUNCATED),
    "half a PNG": (half(PNG), TRUNCATED),
    "the start of a PNG's header": (PNG[:20], TRUNCATED),
    "half a GIF": (half(GIF), TRUNCATED),
    "the start of a GIF's header": (GIF[:12], TRUNCATED),
    "half a WebP": (half(WEBP), TRUNCATED),
    "half a BMP": (half(BMP), TRUNCATED),
    "half a TIFF": (half(TIFF), TRUNCATED),
    "half a compressed TIFF": (half(LZW), TRUNCATED),
    "half an AVIF": (half(AVIF), TRUNCATED),
    "half a JPEG 2000": (half(JPEG_2000), TRUNCATED),
    "half a PPM": (half(PPM), TRUNCATED),
    "a JPEG that lacks data before its end marker": (cut(JPEG, 40) + b"\xff\xd9", DAMAGED),
    "a JPEG with markers among its data": (JPEG[: SCAN + 100] + bytes(range(256)) * 8 + b"\xff\xd9", DAMAGED),
    "a JPEG without tables": (JPEG[:2] + JPEG[FRAME:], DAMAGED),
    "a PNG with zeros among its pixels": (patch(PNG, 300, bytes(400)), DAMAGED),
    "a PNG with a damaged header": (patch(PNG, 16, b"\x00\x00\x01\x00"), DAMAGED),
    "a PNG with a damaged palette": (patch(PALETTE, PALETTE.index(b"PLTE") + 4, b"abc"), DAMAGED),
    "a GIF with damaged pixels": (patch(GIF, len(GIF) // 2, bytes(64)), DAMAGED),
    "a compressed TIFF with damaged pixels": (patch(LZW, len(LZW) // 2, b"\x5a" * 64), DAMAGED),
    "a JPEG with converted line endings": (crlf(JPEG), LINE_ENDINGS),
    "a progressive JPEG with converted line endings": (crlf(PROGRESSIVE), LINE_ENDINGS),
    "a PNG with converted line endings": (crlf(PNG), LINE_ENDINGS),
    "a PNG with line endings of Unix": (PNG.replace(b"\r\n", b"\n"), LINE_ENDINGS),
    "a GIF with converted line endings": (crlf(GIF), LINE_ENDINGS),
    "a JPEG read as UTF-8": (utf8(JPEG), TO_TEXT),
    "a JPEG read as Latin-1": (JPEG.decode("latin-1").encode(), TO_TEXT),
    "a PNG read as UTF-8": (utf8(PNG), TO_TEXT),
    "a GIF read as UTF-8": (utf8(GIF), TO_TEXT),
    "a BMP read as Latin-1": (BMP.decode("latin-1").encode(), TO_TEXT),
}
