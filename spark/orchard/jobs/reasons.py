"""Counts unusable images by reason, and names some of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

EXAMPLES_PER_REASON = 3
# Reasons that a message names; `errors/` lists the rest as well.
_REASONS_PER_MESSAGE = 10


@dataclass
class Reasons:
    """Numbers of unusable images by reason, with the paths of the first EXAMPLES_PER_REASON in their order."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, paths: Iterable[str], count: int = 1) -> None:
        """Count `count` images for a reason, and keep some of `paths` as examples."""
        self.counts[reason] += count
        self.examples[reason] = sorted({*self.examples.get(reason, []), *paths})[:EXAMPLES_PER_REASON]

    @classmethod
    def merge(cls, parts: Iterable[Self]) -> Self:
        """Merge the reasons of several tasks."""
        merged = cls()
        for part in parts:
            for reason, count in part.counts.items():
                merged.add(reason, part.examples[reason], count)
        return merged

    def relative_to(self, image_tree: str) -> dict[str, list[str]]:
        """Return the examples, the most frequent reason first, with paths below `image_tree`."""
        return {
            reason: [path.removeprefix(f"{image_tree}/") for path in self.examples[reason]]
            for reason, _ in self.counts.most_common()
        }

    def describe(self, image_tree: str) -> str:
        """Describe the most frequent reasons in one line, each with its examples."""
        examples = self.relative_to(image_tree)
        frequent = self.counts.most_common(_REASONS_PER_MESSAGE)
        return "; ".join(f"{reason} ({count}), such as {', '.join(examples[reason])}" for reason, count in frequent)
