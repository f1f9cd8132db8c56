"""A typical job to compare with: a pandas UDF that builds the Keras model in each call and predicts image by image.

Runs by spark-submit: reference_job.py LIST ANSWER.
"""

import io
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from pyspark.sql import SparkSession
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import ArrayType, FloatType


@pandas_udf(ArrayType(FloatType()))  # type: ignore[call-overload, untyped-decorator, unused-ignore]
def featurize(contents: pd.Series) -> pd.Series:
    """Return the features of each image file."""
    import keras_models  # noqa: PLC0415

    model = keras_models.build()  # the time does not depend on the weights

    def predict(content: bytes) -> list[float]:
        image = Image.open(io.BytesIO(content)).convert("RGB").resize((224, 224))
        pixels = np.asarray(image, dtype=np.float32)[np.newaxis] / 127.5 - 1
        features: list[float] = model.predict(pixels, verbose=0)[0].tolist()
        return features

    return contents.map(predict)


def main(images: str, answer: str) -> None:
    """Compute the features of the listed files, and write {"seconds"} without the session's start to `answer`."""
    session = SparkSession.builder.appName("reference").getOrCreate()
    started = time.monotonic()
    paths = Path(images).read_text().splitlines()
    frame = session.read.format("binaryFile").load(paths).repartition(session.sparkContext.defaultParallelism)
    frame.select("path", featurize("content").alias("features")).write.mode("overwrite").parquet(f"{answer}.parquet")
    Path(answer).write_text(json.dumps({"seconds": time.monotonic() - started}))
    session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
