"""The state machine sets the limits within which EMR scales a cluster of several nodes."""

from .account import Account


def test_a_cluster_with_core_nodes_has_a_managed_scaling_policy(account: Account) -> None:
    execution = account.run({"mode": "inventory", "splits": ["Validation"], "cluster": {"coreCount": 2}})

    assert execution.status == "SUCCEEDED", execution.cause
    assert "SetManagedScaling" in account.states(execution.arn)
    [cluster] = account.clusters(execution.run_id)
    told = account.aws("emr", "get-managed-scaling-policy", "--cluster-id", cluster["Id"])
    limits = told["ManagedScalingPolicy"]["ComputeLimits"]
    assert 0 < limits["MinimumCapacityUnits"] <= limits["MaximumCapacityUnits"]
