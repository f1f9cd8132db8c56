"""A stopped execution leaves no cluster, sends a mail, and its partial results are reused."""

import pytest

from .account import Account
from .stopping import start_until, stop


# The fault simulation stops an execution at every event. Here, a stop meets real processes, as in the next test.
@pytest.mark.deep
@pytest.mark.parametrize("state", ["Preflight", "UploadScripts", "CreateCluster", "Inventory", "ValidateResults"])
def test_stop_execution_terminates_the_cluster(account: Account, state: str) -> None:
    stop(account, start_until(account, state))


def test_stop_execution_terminates_a_cluster_that_the_execution_could_not(account: Account) -> None:
    arn = account.start({"mode": "inventory"})
    account.wait_for_state(arn, "Inventory")
    [cluster] = account.clusters(arn.rsplit(":", 1)[1])
    # TerminateCluster fails and is retried for minutes.
    account.aws("emr", "modify-cluster-attributes", "--cluster-id", cluster["Id"], "--termination-protected")
    account.wait_for_state(arn, "TerminateCluster")

    stop(account, arn)


# tests/spark/store/test_runs.py kills a step; here, a whole run is stopped twice.
@pytest.mark.deep
def test_a_run_after_a_stopped_one_computes_only_what_is_missing(account: Account) -> None:
    given = {"mode": "single-class", "label": "Banana", "limit": 20, "pca": {"components": 2}}
    arn = account.start({**given, "force": True})
    account.wait_for_state(arn, "ExtractFeatures")
    stop(account, arn)
    arn = account.start({**given, "force": True})
    account.wait_for_state(arn, "ReduceDimensions")
    stopped = stop(account, arn)
    assert "manifest.json" not in account.names(f"runs/{stopped.run_id}/")

    execution = account.run(given)

    assert execution.status == "SUCCEEDED", execution.cause
    verdict = account.json(f"runs/{execution.run_id}/manifest.json")["validation"]
    assert (verdict["images"], verdict["computed"], verdict["reused"]) == (20, 0, 20)


def test_the_sweep_terminates_a_protected_cluster_whose_execution_is_over(account: Account) -> None:
    over = account.run({"mode": "nonsense"})
    release = ["--release-label", "emr-7.13.0", "--instance-type", "m5.xlarge", "--instance-count", "1"]
    roles = ["--service-role", "EMR_DefaultRole", "--ec2-attributes", "InstanceProfile=EMR_EC2_DefaultRole"]
    tags = ["--tags", "orchard:stack=Orchard", f"orchard:execution-arn={over.arn}"]
    name = f"orchard-{over.run_id}"
    flags = ["--no-auto-terminate", "--termination-protected"]
    account.aws("emr", "create-cluster", "--name", name, *release, *roles, *tags, *flags)
    account.wait_for_clusters(over.run_id, ("RUNNING", "WAITING"))

    functions = account.client("lambda").list_functions()["Functions"]
    [sweeper] = [found["FunctionName"] for found in functions if "SweepClusters" in found["FunctionName"]]
    account.aws("lambda", "invoke", "--function-name", sweeper, "--payload", "{}", "/dev/null")

    account.wait_for_clusters_to_go(over.run_id)
