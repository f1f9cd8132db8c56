"""Which images a mode uses. Preflight counts them by the same rule."""

import hashlib
from collections import Counter
from collections.abc import Sequence


def is_in_mode(mode: str, wanted: str | None, label: str) -> bool:
    """Whether a label belongs to the mode; `wanted` is the label of mode single-class."""
    if mode in ("mini", "apples"):
        return label.startswith("Apple")
    if mode == "single-class":
        return label == wanted
    return True


def digest(split: str, label: str, filename: str) -> str:
    """What orders the images of a label: hexadecimal sha256 of `<split>/<label>/<filename>`."""
    return hashlib.sha256(f"{split}/{label}/{filename}".encode()).hexdigest()


def take(labels: Sequence[str], digests: Sequence[str], limit: int) -> list[int]:
    """The positions of `limit` images, spread evenly over the labels.

    Round-robin over the labels in label order, within a label in ascending order of the digest: the same images
    whatever the order of a listing.

    Args:
        labels: each image's label.
        digests: each image's `digest`.
        limit: how many images; all of them when there are fewer.
    """
    seen: Counter[str] = Counter()
    turns = []
    for position in sorted(range(len(labels)), key=digests.__getitem__):
        label = labels[position]
        turns.append((seen[label], label, position))
        seen[label] += 1
    return [position for _, _, position in sorted(turns)[:limit]]
