"""Splits the keys of a bucket into parts that can be listed at the same time."""

from collections.abc import Callable
from typing import NamedTuple

# S3's limit for a key, in bytes.
MAX_KEY_BYTES = 1024
LAST_CHARACTER = "\U0010ffff"


class KeyRange(NamedTuple):
    """The files whose URIs begin with `prefix` and come after the URI `after`, which is empty for all of them."""

    prefix: str
    after: str = ""


def split_range(files: KeyRange, find_first: Callable[[KeyRange], str | None]) -> list[KeyRange]:
    """Split a range by the character that follows its prefix, whatever the alphabet.

    Each file of the range is in exactly one part. A prefix that all files share is extended first. The range of a
    prefix that is itself a file is not split. Preflight does the same (lambdas/preflight/key-ranges.ts).

    Args:
        files: the range.
        find_first: returns the URI of the first file of a range, None if it is empty.
    """
    parts = [files]
    while len(parts) == 1:
        whole, after, parts = parts[0], parts[0].after, []
        while (first := find_first(KeyRange(whole.prefix, after))) is not None:
            if first == whole.prefix:
                return [whole]
            part = KeyRange(first[: len(whole.prefix) + 1], whole.after)
            parts.append(part)
            after = _end_of(part.prefix)
    return parts


def _end_of(prefix: str) -> str:
    """Return a URI after which no other one begins with the prefix."""
    return prefix + LAST_CHARACTER * ((MAX_KEY_BYTES - len(prefix.partition("://")[2].partition("/")[2].encode())) // 4)
