"""Finds, before any path is collected, which images `select_evenly` may select from all images of a run."""

from collections.abc import Mapping
from math import sqrt

from orchard.selection import find_quotas

# Greater than every hexadecimal digest.
ALL = "g"
# Digits of a threshold: 52 bits, which a float has exactly.
DIGITS = 13


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
