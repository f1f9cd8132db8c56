"""The features step on an S3 endpoint that counts requests and refuses some objects."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import main
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orchard.errors import JobError
from orchard.jobs.listing import SELECTION_SCHEMA
from pyspark.sql import SparkSession

from ..runs import ModelArtifact, encode, picture, write_plan
from ..s3_endpoint import S3Endpoint, etag_of, serve, use_endpoint

TREE = "s3://data/raw"
IMAGES = {f"data/raw/Training/Apple/{number}.jpg": encode(picture(number)) for number in range(40)}
DENIED, ARCHIVED, DELETED = list(IMAGES)[3:6]


@pytest.fixture
def endpoint(spark: SparkSession) -> Iterator[S3Endpoint]:
    """Serve IMAGES to this process and to Spark's workers."""
    with serve() as server, use_endpoint(spark, server.url):
        server.objects.update(IMAGES)
        yield server


def select(run: Path) -> None:
    """Write the inventory of IMAGES for a run in a local folder."""
    rows = [
        {
            "path": f"s3://{name}",
            "label": "Apple",
            "size": len(content),
            "mtime": datetime(2026, 1, 1, tzinfo=UTC),
            "etag": etag_of(content),
        }
        for name, content in IMAGES.items()
    ]
    folder = run / "inventory" / "selection"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, SELECTION_SCHEMA), folder / "part-00000.parquet")
    (run / "inventory" / "summary.json").write_text(json.dumps({"selected": {"images": len(rows)}}))


def test_each_image_costs_one_get(
    spark: SparkSession, small_model: ModelArtifact, endpoint: S3Endpoint, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    plan = str(write_plan(run, Path("unused"), small_model, input=f"{TREE}/"))
    select(run)
    endpoint.faults[DENIED] = [(403, "AccessDenied")]
    endpoint.faults[ARCHIVED] = [(403, "InvalidObjectState")]
    del endpoint.objects[DELETED]

    main.run(spark.sparkContext, main.parse(["features", "--plan", plan]))

    assert endpoint.requests == {("GET", name): 1 for name in IMAGES}
    summary = json.loads((run / "features" / "summary.json").read_text())
    assert (summary["images"], summary["errors"]) == (37, 3)
    assert summary["examples"] == {
        "access denied": ["Training/Apple/3.jpg"],
        "archived: restore it first": ["Training/Apple/4.jpg"],
        "file not found": ["Training/Apple/5.jpg"],
    }


def test_a_tree_that_nobody_may_read_is_one_error(
    spark: SparkSession, small_model: ModelArtifact, endpoint: S3Endpoint, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    plan = str(write_plan(run, Path("unused"), small_model, input=f"{TREE}/"))
    select(run)
    endpoint.faults.update({name: [(403, "AccessDenied")] for name in IMAGES})

    with pytest.raises(JobError, match=r"^none of the 40 images can be used: access denied \(40\), such as Training/"):
        main.run(spark.sparkContext, main.parse(["features", "--plan", plan]))
