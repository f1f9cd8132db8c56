"""Progress of a benchmark: standard output is for its results."""

import sys


def log(line: str) -> None:
    """Print a progress line to stderr."""
    print(line, file=sys.stderr, flush=True)
