"""Quality checks of a DataFrame of vectors. Each says what it found; none raises."""

import math
from dataclasses import asdict, dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf


@dataclass(frozen=True)
class Check:
    """What one check found."""

    name: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        """{"name", "ok", "detail"}"""
        return asdict(self)


def check_vectors(frame: DataFrame, column: str, rows: int, dimensions: int) -> list[Check]:
    """Checks `row_count`, `dimensions`, `finite` and `unique_paths` of path, `column` (array of numbers) in one pass.

    Args:
        frame: one row an image.
        column: the name of the vectors' column.
        rows: how many rows there must be.
        dimensions: how long each vector must be.
    """
    vector = sf.col(column)
    found = frame.agg(
        sf.count(sf.lit(1)).alias("rows"),
        sf.count_if(~_has_length(vector, dimensions)).alias("wrong_length"),
        sf.min(sf.when(~_has_length(vector, dimensions), sf.size(vector))).alias("example_length"),
        sf.count_if(~is_finite(vector)).alias("not_finite"),
        sf.count_distinct("path").alias("paths"),
    ).first()
    assert found is not None  # an aggregate without groups has one row
    doubled = found["rows"] - found["paths"]
    return [
        Check("row_count", found["rows"] == rows, f"{found['rows']} rows; {rows} expected"),
        Check(
            "dimensions",
            found["wrong_length"] == 0,
            f"every row has {dimensions} numbers"
            if found["wrong_length"] == 0
            else f"{found['wrong_length']} rows have not {dimensions} numbers (one has {found['example_length']})",
        ),
        Check(
            "finite",
            found["not_finite"] == 0,
            "every number is finite"
            if found["not_finite"] == 0
            else f"{found['not_finite']} rows hold a number that is NaN, infinite or missing",
        ),
        Check(
            "unique_paths",
            doubled == 0,
            "every path is there once" if doubled == 0 else f"{doubled} rows have the path of another row, or none",
        ),
    ]


def check_variance(total: float, minimum: float | None) -> Check:
    """Check `variance`: the explained variance `total` is a ratio, and at least `minimum` where one is set."""
    # A sum of ratios may be above 1 by a rounding error.
    ok = math.isfinite(total) and 0 <= total <= 1 + 1e-9 and (minimum is None or total >= minimum)
    asked = "no minimum is set" if minimum is None else f"at least {minimum} is needed"
    return Check("variance", ok, f"{total:.6f} of the variance is explained; {asked}")


def is_finite(vector: Column) -> Column:
    """Whether an array is there and all its numbers are: none null, NaN or infinite."""
    finite = sf.forall(vector, lambda value: sf.coalesce(sf.abs(value) < float("inf"), sf.lit(False)))
    return sf.coalesce(finite, sf.lit(False))


def _has_length(vector: Column, dimensions: int) -> Column:
    # size(null) is -1 or null, depending on a setting
    return sf.coalesce(sf.size(vector) == dimensions, sf.lit(False))
