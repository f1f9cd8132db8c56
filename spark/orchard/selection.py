"""Which images a mode uses. Preflight counts them by the same rule."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf


def in_mode(mode: str, label: str | None) -> Column:
    """Whether a row's label belongs to the mode."""
    if mode in ("mini", "apples"):
        return sf.col("label").startswith("Apple")
    if mode == "single-class":
        return sf.col("label") == sf.lit(label)
    return sf.lit(True)


def take(images: DataFrame, limit: int | None) -> DataFrame:
    """`limit` rows of `images` (split, label, filename, …), spread evenly over the labels; all without a limit.

    Round-robin over the labels in label order, within a label in ascending order of the hexadecimal sha256 of
    `<split>/<label>/<filename>`: the same rows whatever the order of a listing.
    """
    if limit is None:
        return images
    digest = sf.sha2(sf.concat_ws("/", "split", "label", "filename"), 256)
    turn = sf.row_number().over(Window.partitionBy("label").orderBy(digest))
    return images.withColumn("turn", turn).orderBy("turn", "label").limit(limit).drop("turn")


def select_images(images: DataFrame, mode: str, label: str | None, limit: int | None) -> DataFrame:
    """The images that a run uses: path, label, size, mtime, etag."""
    return take(images.where(in_mode(mode, label)), limit).select("path", "label", "size", "mtime", "etag")
