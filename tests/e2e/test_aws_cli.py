"""The AWS CLI reads executions, clusters and objects of the embedded account as it does in AWS."""

import json

import pytest
from botocore.exceptions import ClientError

from .account import Account

GIVEN = {"mode": "inventory", "splits": ["Validation"], "cluster": {"coreCount": 2}}


def test_the_aws_cli_sees_executions_clusters_and_objects(account: Account) -> None:
    execution = account.run(GIVEN)

    assert execution.status == "SUCCEEDED", execution.cause
    [cluster] = account.clusters(execution.run_id)
    described = account.aws("emr", "describe-cluster", "--cluster-id", cluster["Id"])["Cluster"]
    assert {"Key": "orchard:execution-arn", "Value": execution.arn} in described["Tags"]
    [step] = account.aws("emr", "list-steps", "--cluster-id", cluster["Id"])["Steps"]
    assert (step["Name"], step["Status"]["State"]) == ("Inventory", "COMPLETED")
    history = account.aws("stepfunctions", "get-execution-history", "--execution-arn", execution.arn)["events"]
    assert (history[0]["type"], history[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert json.loads(history[0]["executionStartedEventDetails"]["input"]) == GIVEN
    # The state machine has set the limits within which EMR scales the core nodes.
    policy = account.aws("emr", "get-managed-scaling-policy", "--cluster-id", cluster["Id"])
    limits = policy["ManagedScalingPolicy"]["ComputeLimits"]
    assert 0 < limits["MinimumCapacityUnits"] <= limits["MaximumCapacityUnits"]
    assert any(name.endswith(f"{step['Id']}/stderr.gz") for name in account.names("logs/emr/"))


def test_the_stack_is_protected_from_being_deleted_in_the_console(account: Account) -> None:
    cloudformation = account.client("cloudformation")

    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName="Orchard")

    [stack] = cloudformation.describe_stacks(StackName="Orchard")["Stacks"]
    assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
