"""Runs the modes through the deployed state machine and recomputes their numbers with other libraries."""

import base64
import csv
import gzip
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras_models
import make_model
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from .account import Account, Execution

FULL_RUN_STATES = [
    "TakeInput",
    "NeedsTurn",
    "Preflight",
    "AnythingToDo",
    "UploadScripts",
    "ClusterGiven",
    "CreateCluster",
    "HasCoreNodes",
    "NeedsInventory",
    "Inventory",
    "ConfirmQuote",
    "NeedsFeatures",
    "ExtractFeatures",
    "NeedsReduction",
    "ReduceDimensions",
    "ValidateResults",
    "LeaveCluster",
    "TerminateCluster",
    "RecordCost",
    "WriteReport",
    "NotifySuccess",
    "Succeeded",
]
INPUTS: dict[str, dict[str, Any]] = {
    "mini": {"mode": "mini", "limit": 100, "pca": {"components": 50}},
    "inventory": {"mode": "inventory", "cluster": {"coreCount": 2}},
}
# The unit tests of Preflight and of Spark's selection cover what these modes select.
DEEP_INPUTS: dict[str, dict[str, Any]] = {
    "single-class": {"mode": "single-class", "label": "Apple Golden 1", "pca": {"components": 20}},
    "apples": {"mode": "apples", "pca": {"components": 50}},
    "full": {"mode": "full", "pca": {"components": 50}},
}


def _labels(sample: Path, split: str) -> Counter[str]:
    return Counter(image.parent.name for image in (sample / split).glob("*/*.jpg"))


def _expected(account: Account, mode: str) -> int:
    training = _labels(account.sample, "Training")
    if mode == "full":
        return training.total()
    if mode == "apples":
        return sum(n for label, n in training.items() if label.startswith("Apple"))
    return {"mini": 100, "single-class": training["Apple Golden 1"]}[mode]


def _rows(folder: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    csv.field_size_limit(10**7)
    for part in sorted(folder.glob("*.csv")):
        with part.open(newline="", encoding="utf-8") as lines:
            rows.extend(csv.DictReader(lines))
    return rows


def _matrix(values: list[Any]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _assert_pca_is_right(run: Path, components: int) -> None:
    """Recomputes the PCA by SVD of the centered features, as scikit-learn does; the job projects without centering."""
    features = pq.read_table(run / "features" / "parquet").sort_by("path")
    reduced = pq.read_table(run / "pca" / "parquet").sort_by("path")
    assert features["path"].to_pylist() == reduced["path"].to_pylist()
    x = _matrix(features["features"].to_pylist())
    y = _matrix(reduced["pca_features"].to_pylist())
    _, singular, basis = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    ratio = (singular**2 / (singular**2).sum())[:components]
    info = json.loads((run / "model_info" / "model_info.json").read_text())
    np.testing.assert_allclose(info["variance_by_component"], ratio, rtol=1e-6, atol=1e-12)
    assert info["total_variance_explained"] == pytest.approx(ratio.sum(), abs=1e-9)
    # Only well separated components are unique, and only up to their sign.
    separated = [k for k in range(10) if ratio[k] > 1.05 * ratio[k + 1]]
    expected = np.abs(x @ basis[separated].T)
    np.testing.assert_allclose(np.abs(y[:, separated]), expected, rtol=1e-3, atol=1e-3 * expected.max())


def _assert_csv_equals_parquet(run: Path, kind: str, column: str) -> None:
    table = pq.read_table(run / kind / "parquet").sort_by("path")
    rows = sorted(_rows(run / kind / "csv"), key=lambda row: row["path"])
    assert [row["path"] for row in rows] == table["path"].to_pylist()
    assert [row["label"] for row in rows] == table["label"].to_pylist()
    written = [[float(number) for number in row[f"{column}_string"].split(",")] for row in rows]
    np.testing.assert_array_equal(np.array(written, dtype=np.float32), np.array(table[column].to_pylist(), np.float32))


def _run(account: Account, mode: str) -> Execution:
    """Runs an input. In mode mini, EMR throttles a poll of ExtractFeatures, so that its Retry adds the step again."""
    arn = account.start((INPUTS | DEEP_INPUTS)[mode])
    if mode == "mini":
        account.wait_for_state(arn, "ExtractFeatures")
        [cluster] = account.clusters(arn.rsplit(":", 1)[1])
        throttle = json.dumps({"operation": "DescribeStep", "clusterId": cluster["Id"]})
        account.curl("throttle", "--data", throttle)
    return account.wait(arn)


@pytest.fixture(scope="module")
def executions(account: Account) -> Iterator[dict[str, Future[Execution]]]:
    """Runs all inputs of this module, two at a time, as overlapping schedules would."""
    inputs = INPUTS | DEEP_INPUTS if os.environ.get("ORCHARD_DEEP") == "1" else INPUTS
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {mode: pool.submit(_run, account, mode) for mode in inputs}


@pytest.mark.parametrize("mode", ["mini", *(pytest.param(mode, marks=pytest.mark.deep) for mode in DEEP_INPUTS)])
def test_a_mode_computes_features_and_their_pca(
    account: Account, executions: dict[str, Future[Execution]], tmp_path: Path, mode: str
) -> None:
    components = (INPUTS | DEEP_INPUTS)[mode]["pca"]["components"]

    execution = executions[mode].result()

    assert execution.status == "SUCCEEDED", execution.cause
    assert account.states(execution.arn) == FULL_RUN_STATES
    run = account.download(execution.run_id, tmp_path / "run")
    table = pq.read_table(run / "pca" / "parquet")
    assert table.num_rows == _expected(account, mode)
    assert table.column_names == ["path", "label", "pca_features"]
    assert np.isfinite(_matrix(table["pca_features"].to_pylist())).all()
    assert {len(row or []) for row in table["pca_features"].to_pylist()} == {components}
    _assert_pca_is_right(run, components)
    _assert_csv_equals_parquet(run, "features", "features")
    _assert_csv_equals_parquet(run, "pca", "pca_features")
    _assert_is_complete(account, run, execution)


def _assert_is_complete(account: Account, run: Path, execution: Execution) -> None:
    for name in ["plan.json", "progress.json", "manifest.json", "model_info/variance.csv"]:
        assert (run / name).is_file(), name
    assert len(_rows(run / "metadata")) == len(_rows(run / "features" / "csv"))
    [cluster] = account.clusters(execution.run_id)
    assert cluster["Status"]["State"] == "TERMINATED"
    [mail] = account.mails(execution.run_id)
    assert mail["subject"].isascii()
    assert len(mail["subject"]) < 100
    assert f"Report:    orchard results {execution.run_id} --open --local\n" in mail["message"]
    _assert_report_has_the_numbers_of(account, run, execution)


def _assert_report_has_the_numbers_of(account: Account, run: Path, execution: Execution) -> None:
    page = (run / "report" / "report.html").read_text()
    head = account.client("s3").head_object(Bucket=account.bucket, Key=f"runs/{execution.run_id}/report/report.html")
    assert head["ContentType"] == "text/html; charset=utf-8"
    [encoded] = re.findall(r'<script[^>]* id="data">([^<]*)</script>', page)
    report = json.loads(gzip.decompress(base64.b64decode(encoded)))
    manifest = json.loads((run / "manifest.json").read_text())
    info = json.loads((run / "model_info" / "model_info.json").read_text())
    for name in ["validation", "checks", "cost"]:
        assert report[name] == manifest[name]
    assert report["variance"] == {"ratios": info["variance_by_component"], "cumulative": info["cumulative_variance"]}
    assert report["missing"] == []
    figures = report["figures"]
    assert figures == json.loads((run / "report" / "figures.json").read_text())
    assert figures["images"]["total"] == report["validation"]["images"]
    assert figures["thumbnails"] is not None
    assert figures["duplicates"]["exact"] == {"pairs": 0, "examples": []}
    assert {stage["step"] for stage in figures["stages"]} == {"inventory", "features", "reduction"}
    spans = {kind: [span["name"] for span in report["timeline"] if span["kind"] == kind] for kind in ["state", "step"]}
    assert [name for name in FULL_RUN_STATES if name in spans["state"]] == spans["state"]
    assert {"Preflight", "CreateCluster", "ExtractFeatures", "TerminateCluster", "RecordCost"} <= set(spans["state"])
    assert {"Inventory", "ExtractFeatures", "ReduceDimensions"} == set(spans["step"])


def test_a_step_that_a_throttled_poll_adds_again_finds_its_work_done(
    account: Account, executions: dict[str, Future[Execution]]
) -> None:
    execution = executions["mini"].result()

    assert execution.status == "SUCCEEDED", execution.cause
    [cluster] = account.clusters(execution.run_id)
    steps = account.steps(cluster["Id"])
    names = ["Inventory", "ExtractFeatures", "ExtractFeatures", "ReduceDimensions"]
    assert [(step["Name"], step["Status"]["State"]) for step in steps] == [(name, "COMPLETED") for name in names]
    line = "orchard: features has already succeeded with this plan: nothing to do"
    logs = [account.text(f"logs/emr/{cluster['Id']}/steps/{step['Id']}/stdout.gz") for step in steps]
    assert [line in log for log in logs] == [False, False, True, False]


def test_inventory_counts_every_image_of_every_split(
    account: Account, executions: dict[str, Future[Execution]], tmp_path: Path
) -> None:
    execution = executions["inventory"].result()

    assert execution.status == "SUCCEEDED", execution.cause
    run = account.download(execution.run_id, tmp_path / "run")
    stats = {(row["split"], row["label"]): int(row["count"]) for row in _rows(run / "inventory" / "stats")}
    expected = {
        (split, label): count
        for split in ["Training", "Validation"]
        for label, count in _labels(account.sample, split).items()
    }
    assert stats == expected
    metadata = _rows(run / "inventory" / "metadata")
    assert list(metadata[0]) == ["s3_path", "label", "filename", "split", "modification_time", "file_size_bytes"]
    sizes = {
        f"s3://{account.bucket}/data/raw/{image.relative_to(account.sample)}": image.stat().st_size
        for image in account.sample.glob("*/*/*.jpg")
    }
    assert {row["s3_path"]: int(row["file_size_bytes"]) for row in metadata} == sizes
    assert not (run / "features").exists()
    assert "ExtractFeatures" not in account.states(execution.arn)


def test_the_aws_cli_sees_the_execution_its_cluster_and_its_logs(
    account: Account, executions: dict[str, Future[Execution]]
) -> None:
    execution = executions["inventory"].result()

    assert execution.status == "SUCCEEDED", execution.cause
    [cluster] = account.clusters(execution.run_id)
    described = account.aws("emr", "describe-cluster", "--cluster-id", cluster["Id"])["Cluster"]
    assert {"Key": "orchard:execution-arn", "Value": execution.arn} in described["Tags"]
    [step] = account.aws("emr", "list-steps", "--cluster-id", cluster["Id"])["Steps"]
    assert (step["Name"], step["Status"]["State"]) == ("Inventory", "COMPLETED")
    history = account.aws("stepfunctions", "get-execution-history", "--execution-arn", execution.arn)["events"]
    assert (history[0]["type"], history[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert json.loads(history[0]["executionStartedEventDetails"]["input"]) == INPUTS["inventory"]
    # The state machine has set the limits within which EMR scales the core nodes.
    policy = account.aws("emr", "get-managed-scaling-policy", "--cluster-id", cluster["Id"])
    limits = policy["ManagedScalingPolicy"]["ComputeLimits"]
    assert 0 < limits["MinimumCapacityUnits"] <= limits["MaximumCapacityUnits"]
    assert any(name.endswith(f"{step['Id']}/stderr.gz") for name in account.names("logs/emr/"))


@pytest.mark.deep
def test_features_equal_the_output_of_keras(
    account: Account, executions: dict[str, Future[Execution]], tmp_path: Path
) -> None:
    execution = executions["mini"].result()

    assert execution.status == "SUCCEEDED", execution.cause
    run = account.download(execution.run_id, tmp_path / "run")
    table = pq.read_table(run / "features" / "parquet").slice(0, 12)
    prefix = f"s3://{account.bucket}/data/raw/"
    paths = [account.sample / str(path).removeprefix(prefix) for path in table["path"].to_pylist()]
    pixels = np.stack([np.asarray(Image.open(p).convert("RGB").resize((224, 224)), np.float32) for p in paths])
    origin = json.loads((run / "model_info" / "model_info.json").read_text())["model"]["weights"]
    if origin == "file":
        pytest.skip("the model has the weights of a file, which is not known here")
    pretrained = make_model.load_pretrained_weights(make_model.Request()) if origin == "imagenet" else None
    keras_model = keras_models.build(weights=pretrained.weights if pretrained else None)
    predicted = keras_model.predict(pixels / 127.5 - 1, batch_size=keras_models.BATCH, verbose=0)
    np.testing.assert_allclose(np.array(table["features"].to_pylist(), np.float32), predicted, atol=1e-4)
