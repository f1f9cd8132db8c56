"""Computes the features with Daft as Parquet files, by the job's decoder and model in a UDF process for each core.

Runs in the benchmark's own environment, which has Daft: daft_job.py MODEL LIST OUTPUT.
"""

import json
import os
import sys
from pathlib import Path

import daft  # type: ignore[import-not-found, unused-ignore]
from orchard.model.images import to_input
from orchard.model.litert import LiteRtExtractor

MODEL = Path(sys.argv[1])


@daft.udf(return_dtype=daft.DataType.list(daft.DataType.float32()), concurrency=os.cpu_count(), batch_size=64)
class Features:
    """Computes features with one interpreter in each process."""

    def __init__(self) -> None:
        self.size = json.loads((MODEL / "model.json").read_text())["inputSize"]
        self.extractor = LiteRtExtractor((MODEL / "model.tflite").read_bytes(), self.size, "NHWC")

    def __call__(self, contents: daft.Series) -> list[object]:
        """Return the features of each image file."""
        return [self.extractor.features(to_input(content, self.size)).tolist() for content in contents.to_pylist()]


def main(images: str, output: str) -> None:
    """Compute the features of the files that the text file `images` lists, and write them to the folder `output`."""
    frame = daft.from_pydict({"path": [f"file://{path}" for path in Path(images).read_text().splitlines()]})
    contents = frame["path"].download()
    frame = frame.with_column("features", Features(contents))  # type: ignore[call-arg, unused-ignore]
    frame.write_parquet(output, write_mode="overwrite")


if __name__ == "__main__":
    main(*sys.argv[2:])
