"""Splits the keys of a bucket into parts that can be listed at the same time."""

from collections.abc import Callable
from typing import NamedTuple

# S3's limit for a key, in bytes.
MAX_KEY_BYTES = 1024
LAST_CHARACTER = "\U0010ffff"


class KeyRange(NamedTuple):
    """The files whose URIs begin with `prefix` and sort after the URI `after`.

    An empty `after` includes all files with the prefix.
    """

    prefix: str
    after: str = ""


def split_range(files: KeyRange, find_first: Callable[[KeyRange], str | None]) -> list[KeyRange]:
    """Split a range by the character that follows its prefix, in any alphabet.

    Each file of the range is in exactly one part. If all files share a longer prefix, the range is split after that
    one. A range whose prefix is itself a file is not split. Preflight does the same (lambdas/preflight/key-ranges.ts).

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
    """Return a URI that sorts after all URIs with the prefix."""
    return prefix + LAST_CHARACTER * ((MAX_KEY_BYTES - len(prefix.partition("://")[2].partition("/")[2].encode())) // 4)
