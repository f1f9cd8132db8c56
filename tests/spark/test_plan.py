import json
from pathlib import Path
from typing import Any

import pytest
from orchard.errors import JobError
from orchard.plan import parse_plan, read_plan
from orchard.selection import SelectionRule
from orchard.tree import TreeRules

PLAN: dict[str, Any] = {
    "runId": "run-1",
    "bucket": "bucket",
    "input": "s3://bucket/data/raw/",
    "run": "s3://bucket/runs/run-1/",
    "splits": ["Training"],
    "tree": {"layout": "split/label", "imageEndings": [".jpg"], "hiddenFolders": ["__MACOSX"]},
    "selectionRule": {"labelPrefix": "Apple", "label": None, "limit": 300},
    "pca": {"variance": 0.9},
    "formats": ["parquet"],
    "quality": {"maxErrorRate": 0.01, "minVariance": 0.8},
    "model": {
        "key": "artifacts/ab/model.tflite",
        "sha256": "ab",
        "weights": "seeded",
        "inputSize": 224,
        "dimensions": 9,
    },
}


def test_reads_the_keys_that_the_jobs_use() -> None:
    plan = parse_plan(PLAN)

    assert (plan.image_tree, plan.run) == ("s3://bucket/data/raw", "s3://bucket/runs/run-1")
    assert (plan.components.count, plan.components.variance) == (None, 0.9)
    assert plan.splits == ("Training",)
    assert plan.tree == TreeRules("split/label", (".jpg",), ("__MACOSX",))
    assert plan.selection_rule == SelectionRule("Apple", None, 300)
    assert (plan.csv, plan.min_variance) == (False, 0.8)
    assert parse_plan({**PLAN, "maxMegapixels": 200}).max_pixels == 200_000_000
    assert parse_plan({**PLAN, "exifRotation": True}).exif_rotation
    assert parse_plan({**PLAN, "jpegDraft": True}).jpeg_draft
    assert plan.precision == "float32"
    assert parse_plan({**PLAN, "precision": "bf16"}).precision == "bf16"
    assert not plan.refers
    assert parse_plan({**PLAN, "reusedFeatures": "reference"}).refers
    assert plan.model is not None
    assert plan.model.uri == "s3://bucket/artifacts/ab/model.tflite"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"selectionRule": None}, "is not a plan"),
        ({"pca": {"components": 0}}, "at least 1 is needed"),
        ({"pca": {"variance": 1.5}}, "must be above 0 and at most 1"),
        ({"pca": {"variance": 0.5, "components": 2}}, "either components or variance"),
        ({"input": None}, "is not a plan"),
        ({"input": "s3://bucket/tree//"}, "has a folder without a name"),
        ({"input": "s3://bucket//tree/"}, "has a folder without a name"),
    ],
)
def test_refuses_an_invalid_plan(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**PLAN, **change}))

    with pytest.raises(JobError, match=message):
        read_plan(str(path))


def test_refuses_a_missing_file_and_invalid_json(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="does not exist"):
        read_plan(str(tmp_path / "plan.json"))
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(JobError, match="is not a plan"):
        read_plan(str(tmp_path / "plan.json"))
