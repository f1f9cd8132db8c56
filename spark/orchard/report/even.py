"""Finds, before any path is collected, which images `select_evenly` may select from all images of a run."""

from bisect import bisect_right
from collections.abc import Mapping
from math import sqrt

# Greater than every hexadecimal digest.
ALL = "g"
# Digits of a threshold: 52 bits, which a float has exactly.
DIGITS = 13


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


def find_thresholds(counts: Mapping[str, int], limit: int) -> dict[str, str]:
    """Return a digest for each label, below which its images with the smallest digests are: enough for `find_quotas`.

    Digests are uniformly distributed, so the number of a label's images below a share of all digests is about
    Poisson-distributed. The margin of three standard deviations and one image makes it rare that one is missing.
    """
    thresholds = {}
    for label, quota in find_quotas(counts, limit).items():
        share = (quota + 3 * sqrt(quota) + 1) / counts[label] if quota else 0.0
        thresholds[label] = ALL if share >= 1 else f"{int(share * 16**DIGITS):0{DIGITS}x}"
    return thresholds
