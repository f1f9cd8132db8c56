"""Finds, before any path is collected, which images `select_evenly` may select from all images of a run."""

from collections.abc import Mapping
from math import sqrt

from orchard.selection import find_quotas

# Greater than every hexadecimal digest.
ALL = "g"
# Hexadecimal digits of a threshold: 52 bits, which a float represents exactly.
DIGITS = 13


def find_thresholds(counts: Mapping[str, int], limit: int) -> dict[str, str]:
    """Return a threshold for each label: enough of its images have smaller digests to fill its quota of `find_quotas`.

    Digests are uniformly distributed, so the number of a label's images below a threshold is about Poisson-distributed.
    The margin of three standard deviations and one image makes it rare that there are too few.
    """
    thresholds = {}
    for label, quota in find_quotas(counts, limit).items():
        share = (quota + 3 * sqrt(quota) + 1) / counts[label] if quota else 0.0
        thresholds[label] = ALL if share >= 1 else f"{int(share * 16**DIGITS):0{DIGITS}x}"
    return thresholds
