"""A cluster is kept after a success and reused by later runs, one of which is stopped."""

import json
import re
import subprocess

from .account import AWS, Account

GIVEN = {"mode": "inventory"}


def _commands(account: Account, run_id: str) -> list[str]:
    """Returns the commands in a run's mail."""
    [mail] = account.mails(run_id)
    return [line.strip() for line in mail["message"].splitlines() if line.strip().startswith("aws ")]


def _shell(account: Account, command: str) -> str:
    """Runs a command that was copied from a mail."""
    env = account.env | {"PATH": f"{AWS.parent}:{account.env['PATH']}"}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def _steps(account: Account, cluster: str) -> list[tuple[str, str]]:
    """Returns name and state of a cluster's steps, the oldest first."""
    return [(step["Name"], step["Status"]["State"]) for step in account.steps(cluster)]


def _state(account: Account, cluster: str) -> str:
    return str(account.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"])


def test_runs_share_a_kept_cluster_until_it_is_terminated(account: Account) -> None:
    first = account.run({**GIVEN, "keepMinutes": 60})

    assert first.status == "SUCCEEDED", first.cause
    assert account.states(first.arn)[-6:-2] == ["LeaveCluster", "KeepCluster", "RecordCost", "WriteReport"]
    [cluster] = account.clusters(first.run_id)
    assert cluster["Status"]["State"] == "WAITING"
    [mail] = account.mails(first.run_id)
    assert re.search(rf"CLUSTER {cluster['Id']} IS KEPT until \d{{4}}-.* UTC\. On AWS, it would cost", mail["message"])
    again, end = _commands(account, first.run_id)

    second = account.wait(json.loads(_shell(account, again))["executionArn"])

    assert second.status == "SUCCEEDED", second.cause
    states = account.states(second.arn)
    assert "UseKeptCluster" in states
    assert not {"CreateCluster", "KeepCluster", "TerminateCluster"} & set(states)
    assert account.clusters(second.run_id) == []
    assert _state(account, cluster["Id"]) == "WAITING"
    assert _steps(account, cluster["Id"]) == [("Inventory", "COMPLETED")] * 2
    assert account.names(f"runs/{second.run_id}/") >= {"manifest.json", "inventory/summary.json"}
    assert _commands(account, second.run_id) == [again, end]

    third = account.start({**GIVEN, "cluster": {"id": cluster["Id"]}})
    account.wait_for_state(third, "Inventory")
    account.stop_execution(third)

    [told] = account.wait_for_mails(third.rsplit(":", 1)[1])
    assert f"{cluster['Id']}, which the input names, is left alone" in told["message"]
    assert all(state in {"COMPLETED", "CANCELLED"} for _, state in _steps(account, cluster["Id"]))
    assert _state(account, cluster["Id"]) in {"WAITING", "RUNNING"}

    _shell(account, end)
    account.wait_for_clusters_to_go(first.run_id)
    refused = account.run({**GIVEN, "cluster": {"id": cluster["Id"]}})
    assert refused.error == "PreflightFailed"
    assert f"kept-cluster: {cluster['Id']} is TERMINATED" in refused.cause
