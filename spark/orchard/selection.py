"""Selects the images of a run by the rule in its plan. Preflight counts them by the same rule."""

import hashlib
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SelectionRule:
    """Selects labels, and at most `limit` images of them; None does not restrict the selection.

    The prefix matches in any letter case, and the label in any Unicode normalization form.
    """

    label_prefix: str | None = None
    label: str | None = None
    limit: int | None = None

    def selects(self, label: str) -> bool:
        """Return whether images of `label` are selected."""
        has_prefix = label.lower().startswith((self.label_prefix or "").lower())
        return has_prefix and (self.label is None or _normalize(label) == _normalize(self.label))

    def __str__(self) -> str:
        """Describe the selected labels for an error message."""
        if self.label is not None:
            return f"label {self.label!r}"
        return "any label" if self.label_prefix is None else f"labels that begin with {self.label_prefix!r}"


def digest(key: str) -> str:
    """Return the hexadecimal sha256 of a path such as `<split>/<label>/<filename>`, which orders a label's images."""
    return hashlib.sha256(key.encode()).hexdigest()


def digest_of(uri: str, image_tree: str) -> str:
    """Return the digest of the path that an image's URI has in the tree."""
    return digest(uri.removeprefix(f"{image_tree}/"))


def select_evenly(labels: Sequence[str], digests: Sequence[str], limit: int) -> list[int]:
    """Return the positions of `limit` images, spread evenly over the labels.

    Images are selected round-robin over the labels in label order, and within a label in ascending order of the
    digest, so that the result does not depend on the order of a listing.

    Args:
        labels: each image's label.
        digests: each image's `digest`.
        limit: number of images; when there are fewer, all are selected.
    """
    seen: Counter[str] = Counter()
    turns = []
    for position in sorted(range(len(labels)), key=digests.__getitem__):
        label = labels[position]
        turns.append((seen[label], label, position))
        seen[label] += 1
    return [position for _, _, position in sorted(turns)[:limit]]


def find_quotas(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    """Return the number of images of each label that `select_evenly` selects, given the labels' numbers of images."""

    def total(turns: int) -> int:
        return sum(min(count, turns) for count in counts.values())

    turns = bisect_right(range(max(counts.values(), default=0) + 1), limit, key=total) - 1
    quotas = {label: min(count, turns) for label, count in counts.items()}
    last_turn = sorted(label for label, count in counts.items() if count > turns)
    for label in last_turn[: limit - total(turns)]:
        quotas[label] += 1
    return quotas


def _normalize(name: str) -> str:
    # macOS writes \u00e9 as e and an accent (NFD), other systems as one character (NFC).
    return unicodedata.normalize("NFC", name)
