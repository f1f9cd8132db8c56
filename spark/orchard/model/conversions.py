"""Recognizes binary files that a program has converted as if they were text, as git and FTP clients do."""

LINE_ENDINGS = "damaged by conversion of line endings"
TEXT = "damaged by conversion to text"


def are_line_endings_converted(content: bytes) -> bool:
    """Whether each line feed follows a carriage return.

    In compressed data that were not converted, about one line feed in 256 does. Files with fewer than 4 line feeds are
    not judged; the usual Huffman tables of JPEG alone have that many.
    """
    first = content.find(b"\n")
    if first < 1 or content[first - 1] != 0x0D:
        return False
    found = content.count(b"\n")
    return found >= 4 and content.count(b"\r\n") == found


def is_converted_to_utf8(content: bytes) -> bool:
    """Whether the whole content is UTF-8, with characters outside of ASCII."""
    try:
        return not content.isascii() and bool(content.decode())
    except UnicodeDecodeError:
        return False
