"""The fingerprint of a selection, which identifies its images and does not depend on the order of their listing."""

import hashlib
from collections.abc import Iterable

MODULUS = 1 << 256


def add_up(images: Iterable[tuple[str, str]]) -> int:
    """Return the sum, modulo 2^256, of the sha256 of a line `<path>\\t<etag>\\n` for each image.

    The sums of a selection's parts add up to the sum of the whole. Preflight computes the same sum
    (lambdas/preflight/fingerprint.ts).

    Args:
        images: the path (a URI) and the etag of each image.
    """
    total = 0
    for path, etag in images:
        total += int.from_bytes(hashlib.sha256(f"{path}\t{etag}\n".encode()).digest(), "big")
    return total % MODULUS


def format_fingerprint(total: int) -> str:
    """Return a sum as 64 hexadecimal digits."""
    return f"{total % MODULUS:064x}"
