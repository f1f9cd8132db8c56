"""What goes wrong says why, costs nothing more and leaves no cluster."""

import json
import os
import signal
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from .account import Account
from .processes import find


@pytest.mark.parametrize(
    ("execution_input", "says"),
    [
        ({"mode": "everything"}, "everything"),
        ({"mode": "mini", "limt": 10}, "limit"),
        ({"mode": "single-class", "label": "Aple Golden 1"}, "Apple Golden 1"),
        ({"mode": "mini", "limit": 1}, "limit"),
        ({"mode": "mini", "limit": 20, "pca": {"components": 20}}, "19"),
        ({"mode": "mini", "pca": {"components": 1281}}, "299"),
        ({"mode": "mini", "splits": ["Trainig"]}, "Training"),
        ({"mode": "mini", "input": "s3://no-such-bucket-anywhere/images/"}, "no-such-bucket-anywhere"),
        ([1, 2, 3], "object"),
    ],
)
def test_bad_input_is_refused_before_anything_is_created(account: Account, execution_input: object, says: str) -> None:
    execution = account.run(execution_input)

    assert execution.status == "FAILED"
    assert execution.error in {"InvalidInput", "PreflightFailed"}
    assert says in execution.cause
    assert account.clusters(execution.run_id) == []
    [mail] = account.mails(execution.run_id)
    assert says in mail["message"]


def test_an_empty_prefix_is_refused(account: Account) -> None:
    execution = account.run({"mode": "apples", "input": f"s3://{account.bucket}/data/nothing/"})

    assert (execution.status, account.clusters(execution.run_id)) == ("FAILED", [])
    assert "data/nothing/" in execution.cause


def test_a_spark_step_that_fails_names_its_own_error(account: Account) -> None:
    arn = account.start({"mode": "mini", "limit": 10, "pca": {"components": 2}})
    account.wait_for_state(arn, "CreateCluster")
    run_id = arn.rsplit(":", 1)[1]
    # Preflight has seen the model; it is gone when the step wants it.
    plan_uri = f"s3://{account.bucket}/runs/{run_id}/plan.json"
    plan = account.aws("s3", "cp", plan_uri, "-")
    model = f"s3://{account.bucket}/{plan['model']['key']}"
    account.aws("s3", "mv", "--only-show-errors", model, f"{model}.aside")

    try:
        execution = account.wait(arn)
    finally:
        account.aws("s3", "mv", "--only-show-errors", f"{model}.aside", model)

    assert execution.status == "FAILED"
    assert execution.error == "States.TaskFailed"
    assert "model.tflite" in execution.cause
    assert "\n" not in execution.cause
    [cluster] = account.clusters(run_id)
    assert cluster["Status"]["State"] == "TERMINATED"
    steps = {
        step["Name"]: step["Status"]["State"]
        for step in account.aws("emr", "list-steps", "--cluster-id", cluster["Id"])["Steps"]
    }
    assert steps == {"Inventory": "COMPLETED", "ExtractFeatures": "FAILED"}
    [mail] = account.mails(run_id)
    assert "model.tflite" in mail["message"].splitlines()[0]
    assert "start-execution" in mail["message"]


def test_too_many_bad_images_make_the_results_invalid(
    account: Account, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bad") / "Training"
    for label in ["Apple A", "Apple B"]:
        (folder / label).mkdir(parents=True)
    for number, image in enumerate(sorted((account.sample / "Training").glob("Apple*/*.jpg"))[:20]):
        (folder / ("Apple A" if number % 2 else "Apple B") / f"é 🍎 {number}+#?%20_100.jpg").write_bytes(
            image.read_bytes()
        )
    (folder / "Apple A" / "broken.jpg").write_bytes(b"no image at all")
    prefix = f"s3://{account.bucket}/data/some bad ones/"
    account.aws("s3", "cp", "--recursive", "--only-show-errors", str(folder.parent), prefix)

    execution = account.run({"mode": "apples", "input": prefix, "pca": {"components": 2}})

    assert execution.error == "ResultsInvalid", execution.cause
    assert "the commonest reasons: not an image (1)" in execution.cause
    listing = account.aws(
        "s3api", "list-objects-v2", "--bucket", account.bucket, "--prefix", f"runs/{execution.run_id}/"
    )
    names = {item["Key"].removeprefix(f"runs/{execution.run_id}/") for item in listing["Contents"]}
    assert "invalid.json" in names
    assert "manifest.json" not in names
    latest = account.aws("s3api", "list-objects-v2", "--bucket", account.bucket, "--prefix", "runs/latest.json")
    if "Contents" in latest:
        assert account.aws("s3", "cp", f"s3://{account.bucket}/runs/latest.json", "-")["runId"] != execution.run_id


def test_a_bootstrap_action_that_fails_is_quoted(account: Account, tmp_path: Path) -> None:
    [wheels] = [name for name in account.names("artifacts/") if name.endswith("/wheelhouse.tar")]
    uri = f"s3://{account.bucket}/artifacts/{wheels}"
    account.aws("s3", "mv", "--only-show-errors", uri, f"{uri}.aside")
    broken = tmp_path / "wheelhouse.tar"
    broken.write_bytes(b"no wheels")
    account.aws("s3", "cp", "--only-show-errors", str(broken), uri)

    try:
        execution = account.run({"mode": "mini", "limit": 10, "pca": {"components": 2}, "force": True})
    finally:
        account.aws("s3", "mv", "--only-show-errors", f"{uri}.aside", uri)

    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert "wheelhouse" in execution.cause
    [cluster] = account.clusters(execution.run_id)
    assert cluster["Status"]["State"] == "TERMINATED_WITH_ERRORS"
    assert cluster["Status"]["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_step_that_hangs_is_ended_with_its_cluster_when_its_time_is_over(account: Account, home: Path) -> None:
    # The deployed definition but for the limit, under another name.
    described = account.aws("stepfunctions", "describe-state-machine", "--state-machine-arn", account.state_machine)
    definition = json.loads(described["definition"])
    definition["States"]["Inventory"]["TimeoutSeconds"] = 10
    copy = ["--name", f"hangs-{uuid.uuid4().hex[:8]}", "--role-arn", described["roleArn"]]
    made = account.aws("stepfunctions", "create-state-machine", *copy, "--definition", json.dumps(definition))
    impatient = replace(account, state_machine=made["stateMachineArn"])
    arn = impatient.start({"mode": "mini", "limit": 10, "pca": {"components": 2}, "force": True})
    impatient.wait_for_state(arn, "Inventory")

    deadline = time.monotonic() + 60
    while not (drivers := [pid for pid, command in find(home / "account" / "emr").items() if "SparkSubmit" in command]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for pid in drivers:
        os.kill(pid, signal.SIGSTOP)

    execution = impatient.wait(arn)
    assert (execution.status, execution.error) == ("FAILED", "States.Timeout")
    impatient.wait_for_clusters_to_go(execution.run_id)
    assert not set(drivers) & set(find(home / "account" / "emr"))


@pytest.mark.parametrize(
    ("state", "components"),
    [("CreateCluster", 2), ("Inventory", 2), ("ExtractFeatures", 2), ("ReduceDimensions", 3), ("ValidateResults", 4)],
)
def test_stop_execution_ends_the_cluster(account: Account, state: str, components: int) -> None:
    new = state in {"CreateCluster", "Inventory", "ExtractFeatures"}
    arn = account.start({"mode": "mini", "limit": 12, "pca": {"components": components}, "force": new})
    account.wait_for_state(arn, state)
    account.aws("stepfunctions", "stop-execution", "--execution-arn", arn, "--cause", "changed my mind")

    execution = account.wait(arn)
    assert execution.status == "ABORTED"
    account.wait_for_clusters_to_go(execution.run_id)
    [mail] = account.wait_for_mails(execution.run_id)
    assert mail["message"].splitlines()[0] == "The execution was stopped: changed my mind"


def test_the_sweeper_ends_a_cluster_whose_execution_is_over(account: Account) -> None:
    over = account.run({"mode": "nonsense"})
    release = ["--release-label", "emr-7.13.0", "--instance-type", "m5.xlarge", "--instance-count", "1"]
    roles = ["--service-role", "EMR_DefaultRole", "--ec2-attributes", "InstanceProfile=EMR_EC2_DefaultRole"]
    tags = ["--tags", f"orchard:execution-arn={over.arn}"]
    name = f"orchard-{over.run_id}"
    made = account.aws("emr", "create-cluster", "--name", name, *release, *roles, *tags, "--no-auto-terminate")
    account.aws("emr", "wait", "cluster-running", "--cluster-id", made["ClusterId"])

    functions = account.aws("lambda", "list-functions")["Functions"]
    [sweeper] = [found["FunctionName"] for found in functions if "SweepClusters" in found["FunctionName"]]
    account.aws("lambda", "invoke", "--function-name", sweeper, "--payload", "{}", "/dev/null")

    account.aws("emr", "wait", "cluster-terminated", "--cluster-id", made["ClusterId"])


def test_the_aws_cli_sees_executions_clusters_and_objects(account: Account) -> None:
    execution = account.run({"mode": "inventory", "splits": ["Validation"]})

    [cluster] = account.clusters(execution.run_id)
    described = account.aws("emr", "describe-cluster", "--cluster-id", cluster["Id"])["Cluster"]
    assert {"Key": "orchard:execution-arn", "Value": execution.arn} in described["Tags"]
    [step] = account.aws("emr", "list-steps", "--cluster-id", cluster["Id"])["Steps"]
    assert (step["Name"], step["Status"]["State"]) == ("Inventory", "COMPLETED")
    history = account.history(execution.arn)
    assert (history[0]["type"], history[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert json.loads(history[0]["executionStartedEventDetails"]["input"]) == {
        "mode": "inventory",
        "splits": ["Validation"],
    }
    listed = account.aws("s3api", "list-objects-v2", "--bucket", account.bucket, "--prefix", "logs/emr/")["Contents"]
    assert any(item["Key"].endswith(f"{step['Id']}/stderr.gz") for item in listed)
