"""What goes wrong says why, costs nothing more and leaves no cluster."""

import json
import os
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .account import Account, Execution
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
    model = f"s3://{account.bucket}/{account.json(f'runs/{run_id}/plan.json')['model']['key']}"
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
    names = account.names(f"runs/{execution.run_id}/")
    assert "invalid.json" in names
    assert "manifest.json" not in names
    if "latest.json" in account.names("runs/"):
        assert account.json("runs/latest.json")["runId"] != execution.run_id


def test_a_bootstrap_action_that_fails_is_quoted(account: Account, home: Path, tmp_path: Path) -> None:
    # Puts the wheels in their place, where nobody has; the node is to begin without what they made.
    _stop(account, _at(account, "CreateCluster"))
    shutil.rmtree(home / "account" / "node-image", ignore_errors=True)
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
    [mail] = account.mails(execution.run_id)
    assert "wheelhouse" in mail["message"].splitlines()[0]
    assert f"{cluster['Id']}, terminated" in mail["message"]
    assert f"#/clusterDetails/{cluster['Id']}" in mail["message"]


@contextmanager
def changed(account: Account, change: Callable[[dict[str, Any]], None]) -> Iterator[Account]:
    """The account with the deployed definition but for one change, under another name."""
    described = account.aws("stepfunctions", "describe-state-machine", "--state-machine-arn", account.state_machine)
    definition = json.loads(described["definition"])
    change(definition["States"])
    copy = ["--name", f"changed-{uuid.uuid4().hex[:8]}", "--role-arn", described["roleArn"]]
    made = account.aws("stepfunctions", "create-state-machine", *copy, "--definition", json.dumps(definition))
    yield replace(account, state_machine=made["stateMachineArn"])
    account.aws("stepfunctions", "delete-state-machine", "--state-machine-arn", made["stateMachineArn"])


def test_a_step_that_runs_out_of_memory_says_which_setting_to_raise(account: Account, tmp_path: Path) -> None:
    script = tmp_path / "greedy.py"
    script.write_text(
        "from pyspark import SparkContext\ncontext = SparkContext()\ncontext._jvm.java.util.ArrayList(2_000_000_000)\n",
        encoding="utf-8",
    )
    uri = f"s3://{account.bucket}/artifacts/greedy.py"
    account.aws("s3", "cp", "--only-show-errors", str(script), uri)
    submit = ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster", "--driver-memory", "1g", uri]

    def be_greedy(states: dict[str, Any]) -> None:
        step = states["Inventory"]["Parameters"]["Step"]["HadoopJarStep"]
        del step["Args.$"]
        step["Args"] = submit

    with changed(account, be_greedy) as greedy:
        execution = greedy.run({"mode": "inventory"})

    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert "java.lang.OutOfMemoryError" in execution.cause
    [mail] = account.mails(execution.run_id)
    assert "emory" in mail["message"].splitlines()[0]
    assert "out-of-memory" in mail["message"]
    [cluster] = account.clusters(execution.run_id)
    assert cluster["Status"]["State"] == "TERMINATED"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_step_that_hangs_is_ended_with_its_cluster_when_its_time_is_over(account: Account, home: Path) -> None:
    def be_impatient(states: dict[str, Any]) -> None:
        states["Inventory"]["TimeoutSeconds"] = 10

    with changed(account, be_impatient) as impatient:
        arn = impatient.start({"mode": "inventory"})
        impatient.wait_for_state(arn, "Inventory")

        deadline = time.monotonic() + 60
        while not (
            drivers := [pid for pid, command in find(home / "account" / "emr").items() if "SparkSubmit" in command]
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for pid in drivers:
            os.kill(pid, signal.SIGSTOP)

        execution = impatient.wait(arn)
        assert (execution.status, execution.error) == ("FAILED", "States.Timeout")
        impatient.wait_for_clusters_to_go(execution.run_id)
        assert not set(drivers) & set(find(home / "account" / "emr"))


def _stop(account: Account, arn: str) -> Execution:
    account.aws("stepfunctions", "stop-execution", "--execution-arn", arn, "--cause", "changed my mind")
    execution = account.wait(arn)
    assert execution.status == "ABORTED"
    account.wait_for_clusters_to_go(execution.run_id)
    [mail] = account.wait_for_mails(execution.run_id)
    assert mail["message"].splitlines()[0] == "The execution was stopped: changed my mind"
    return execution


def _at(account: Account, state: str) -> str:
    """An execution that has come to a state."""
    arn = account.start({"mode": "inventory"})
    account.wait_for_state(arn, state)
    return arn


@pytest.mark.parametrize("state", ["Preflight", "UploadScripts", "CreateCluster", "Inventory", "ValidateResults"])
def test_stop_execution_ends_the_cluster(account: Account, state: str) -> None:
    _stop(account, _at(account, state))


def test_stop_execution_ends_a_cluster_that_the_execution_could_not_end(account: Account) -> None:
    arn = account.start({"mode": "inventory"})
    account.wait_for_state(arn, "Inventory")
    [cluster] = account.clusters(arn.rsplit(":", 1)[1])
    # TerminateCluster fails and is retried for minutes.
    account.aws("emr", "modify-cluster-attributes", "--cluster-id", cluster["Id"], "--termination-protected")
    account.wait_for_state(arn, "TerminateCluster")

    _stop(account, arn)


def test_a_run_after_a_stopped_one_computes_only_what_is_missing(account: Account) -> None:
    given = {"mode": "single-class", "label": "Banana", "limit": 20, "pca": {"components": 2}}
    arn = account.start({**given, "force": True})
    account.wait_for_state(arn, "ExtractFeatures")
    _stop(account, arn)
    arn = account.start({**given, "force": True})
    account.wait_for_state(arn, "ReduceDimensions")
    stopped = _stop(account, arn)
    assert "manifest.json" not in account.names(f"runs/{stopped.run_id}/")

    execution = account.run(given)

    assert execution.status == "SUCCEEDED", execution.cause
    verdict = account.json(f"runs/{execution.run_id}/manifest.json")["validation"]
    assert (verdict["images"], verdict["computed"], verdict["reused"]) == (20, 0, 20)


def test_the_sweeper_ends_a_protected_cluster_whose_execution_is_over(account: Account) -> None:
    over = account.run({"mode": "nonsense"})
    release = ["--release-label", "emr-7.13.0", "--instance-type", "m5.xlarge", "--instance-count", "1"]
    roles = ["--service-role", "EMR_DefaultRole", "--ec2-attributes", "InstanceProfile=EMR_EC2_DefaultRole"]
    tags = ["--tags", f"orchard:execution-arn={over.arn}"]
    name = f"orchard-{over.run_id}"
    flags = ["--no-auto-terminate", "--termination-protected"]
    made = account.aws("emr", "create-cluster", "--name", name, *release, *roles, *tags, *flags)
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
    assert any(name.endswith(f"{step['Id']}/stderr.gz") for name in account.names("logs/emr/"))
