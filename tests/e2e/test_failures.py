"""A failure is explained in the execution's cause and in the mail, and leaves no cluster."""

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

from .account import RUN_SECONDS, Account
from .processes import find
from .stopping import start_until, stop


def test_the_mail_names_the_error_of_a_failed_spark_step(account: Account) -> None:
    image = next((account.sample / "Training").glob("*/*.jpg"))
    key = f"data/removed/Training/Apple A/{image.name}"
    account.put(key, image.read_bytes())
    arn = account.start({"mode": "inventory", "input": f"s3://{account.bucket}/data/removed/"})
    account.wait_for_state(arn, "CreateCluster")
    # Preflight has seen the image; remove it before the step lists it.
    account.client("s3").delete_object(Bucket=account.bucket, Key=key)

    execution = account.wait(arn)

    assert execution.status == "FAILED"
    assert execution.error == "States.TaskFailed"
    assert "data/removed is empty or does not exist" in execution.cause
    assert "\n" not in execution.cause
    [cluster] = account.clusters(execution.run_id)
    assert cluster["Status"]["State"] == "TERMINATED"
    steps = {step["Name"]: step["Status"]["State"] for step in account.steps(cluster["Id"])}
    assert steps == {"Inventory": "FAILED"}
    [mail] = account.mails(execution.run_id)
    assert "data/removed is empty or does not exist" in mail["message"].splitlines()[0]
    assert "start-execution" in mail["message"]


def test_the_mail_quotes_a_failed_bootstrap_action(account: Account, home: Path) -> None:
    # A first cluster uploads the wheels; without the node image, the next node unpacks them again.
    stop(account, start_until(account, "CreateCluster"))
    image = home / "account" / "node-image"
    if image.is_symlink():
        image.unlink()
    else:
        shutil.rmtree(image, ignore_errors=True)
    [wheels] = [name for name in account.names("artifacts/") if name.endswith("/wheelhouse.tar")]
    key = f"artifacts/{wheels}"
    account.move(key, f"{key}.aside")
    account.put(key, b"no wheels")

    try:
        execution = account.run({"mode": "mini", "limit": 10, "pca": {"components": 2}, "force": True})
    finally:
        account.move(f"{key}.aside", key)

    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert "wheelhouse" in execution.cause
    [cluster] = account.clusters(execution.run_id)
    assert cluster["Status"]["State"] == "TERMINATED_WITH_ERRORS"
    assert cluster["Status"]["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"
    [mail] = account.mails(execution.run_id)
    assert "wheelhouse" in mail["message"].splitlines()[0]
    assert f"{cluster['Id']}, terminated" in mail["message"]
    assert f"orchard show {execution.run_id} --local" in mail["message"]


@contextmanager
def changed(account: Account, change: Callable[[dict[str, Any]], None]) -> Iterator[Account]:
    """Creates a state machine with a changed copy of the deployed definition."""
    step_functions = account.client("stepfunctions")
    described = step_functions.describe_state_machine(stateMachineArn=account.state_machine)
    definition = json.loads(described["definition"])
    change(definition["States"])
    name = f"changed-{uuid.uuid4().hex[:8]}"
    made = step_functions.create_state_machine(
        name=name, roleArn=described["roleArn"], definition=json.dumps(definition)
    )
    yield replace(account, state_machine=made["stateMachineArn"])
    step_functions.delete_state_machine(stateMachineArn=made["stateMachineArn"])


# The diagnosis reads the log of such a step in tests/lambdas/diagnosis.
@pytest.mark.deep
def test_the_diagnosis_of_a_step_without_memory_names_the_setting_to_raise(account: Account) -> None:
    script = """
from pyspark import SparkContext
SparkContext()._jvm.java.util.ArrayList(2_000_000_000)
"""
    account.put("artifacts/greedy.py", script.encode())
    uri = f"s3://{account.bucket}/artifacts/greedy.py"
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_hanging_step_is_terminated_with_its_cluster_at_its_time_out(account: Account, home: Path) -> None:
    def be_impatient(states: dict[str, Any]) -> None:
        del states["Inventory"]["TimeoutSecondsPath"]
        states["Inventory"]["TimeoutSeconds"] = 10

    with changed(account, be_impatient) as impatient:
        arn = impatient.start({"mode": "inventory"})
        impatient.wait_for_state(arn, "Inventory")

        deadline = time.monotonic() + RUN_SECONDS
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
