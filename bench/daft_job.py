"""The features through Daft: the same decoder and model in as many UDF processes as cores, written as Parquet.

Run by the benchmark's own environment, which has Daft: daft_job.py MODEL LIST OUTPUT.
"""

import os
import sys
from pathlib import Path

import daft  # type: ignore[import-not-found, unused-ignore]
from orchard.model.images import to_input
from orchard.model.litert import Extractor

MODEL = Path(sys.argv[1], "model.tflite")


@daft.udf(return_dtype=daft.DataType.list(daft.DataType.float32()), concurrency=os.cpu_count(), batch_size=64)
class Features:
    """One interpreter a process."""

    def __init__(self) -> None:
        self.extractor = Extractor(MODEL.read_bytes())

    def __call__(self, contents: daft.Series) -> list[object]:
        """The features of each image file."""
        return [self.extractor.features(to_input(content, 224)).tolist() for content in contents.to_pylist()]


def main(images: str, output: str) -> None:
    """Files to Parquet."""
    frame = daft.from_pydict({"path": [f"file://{path}" for path in Path(images).read_text().splitlines()]})
    contents = frame["path"].download()
    frame = frame.with_column("features", Features(contents))  # type: ignore[call-arg, unused-ignore]
    frame.write_parquet(output, write_mode="overwrite")


if __name__ == "__main__":
    main(*sys.argv[2:])
