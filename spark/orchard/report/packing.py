"""Packs numbers and paths for report/figures.json, whose contract is lambdas/contract/report-figures.ts."""

import base64
from os.path import commonprefix
from typing import Any

import numpy as np
import numpy.typing as npt

# Each pixel of a picture that is 4,000 pixels wide has 4 steps. With 16 bits, the numbers would take a seventh more
# after gzip.
STEPS = 2**14 - 1


def pack(numbers: npt.NDArray[np.integer[Any]], largest: int) -> dict[str, object]:
    """Pack numbers (n,) or (n, c) from 0 to `largest` as base64 of their little-endian bytes, row by row."""
    kind = np.min_scalar_type(largest)
    columns = 1 if numbers.ndim == 1 else numbers.shape[1]
    content = np.ascontiguousarray(numbers, kind.newbyteorder("<"))
    return {"type": kind.name, "columns": columns, "base64": base64.b64encode(content.tobytes()).decode()}


def quantize(values: npt.NDArray[np.floating[Any]], offset: float) -> dict[str, object]:
    """Pack coordinates (n,) as multiples of a step above the smallest one. `offset` is added to all coordinates."""
    exact = values.astype(np.float64)
    low, high = float(exact.min()), float(exact.max())
    step = (high - low) / STEPS
    numbers = np.rint((exact - low) / step).astype(np.int64) if step > 0 else np.zeros(len(exact), np.int64)
    return {"minimum": low + offset, "step": step, "values": pack(numbers, STEPS)}


def round_distance(distance: float) -> float:
    """Round to four significant digits, which keeps the file small."""
    return float(f"{distance:.4g}")


def split_prefix(paths: list[str]) -> tuple[str, list[str]]:
    """Return the folder that all paths share, with its slash, and the rest of each path."""
    # Compares URIs by characters: commonpath would normalize them.
    common = commonprefix([min(paths), max(paths)])  # noqa: RUF071
    prefix = common[: common.rfind("/") + 1]
    return prefix, [path.removeprefix(prefix) for path in paths]
