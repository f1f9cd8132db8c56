"""Files of earlier drivers and lost executors are no part of a step's results."""

import json
from pathlib import Path

import main
from pyspark.sql import SparkSession

from ..runs import ModelArtifact, encode, picture, plant, write_plan

STEPS = {
    "inventory": ["inventory/metadata", "inventory/selection"],
    "features": ["features/parquet", "features/csv", "metadata", "errors"],
    "reduction": ["pca/parquet", "pca/csv"],
}


def test_a_step_keeps_only_files_that_its_tasks_report(
    spark: SparkSession, small_model: ModelArtifact, tmp_path: Path
) -> None:
    """Part 7 stands for a task of an earlier driver, which had more tasks. No reader could open its file."""
    images, run = 12, tmp_path / "run"
    for number in range(images):
        plant(tmp_path / "raw", f"Training/Apple/{number}.jpg", encode(picture(number)))
    plan = str(write_plan(run, tmp_path / "raw", small_model))

    for step, folders in STEPS.items():
        foreign = [
            plant(run, f"{folder}/part-{task}-0000-0badc0de.{ending}", b"torn")
            for folder in folders
            for task, ending in (("00000", "csv"), ("00007", "parquet"))
        ]
        main.run(spark.sparkContext, main.parse([step, "--plan", plan]))
        assert [path.name for path in foreign if path.exists()] == []

    info = json.loads((run / "model_info" / "model_info.json").read_text())
    assert all(check["ok"] for check in info["checks"])
    for report, below in (("inventory", "inventory"), ("features", "."), ("model_info", "pca")):
        name = "model_info" if report == "model_info" else "summary"
        for kind, output in json.loads((run / report / f"{name}.json").read_text())["outputs"].items():
            folder = run / ("features" if report == "features" and kind in ("parquet", "csv") else below) / kind
            sizes = [path.stat().st_size for path in folder.iterdir()]
            assert (output["files"], output["bytes"]) == (len(sizes), sum(sizes)), folder
            assert output["rows"] == (0 if kind == "errors" else images), folder
