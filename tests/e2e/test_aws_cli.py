"""The AWS CLI reads executions, clusters and objects of the embedded account as it does in AWS."""

import json

from .account import Account


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
