"""Stops executions of an account as a user would."""

from .account import Account, Execution


def stop(account: Account, arn: str) -> Execution:
    """Stops an execution, and checks that its clusters end and that one mail quotes the cause."""
    account.stop_execution(arn, "changed my mind")
    execution = account.wait(arn)
    assert execution.status == "ABORTED"
    account.wait_for_clusters_to_go(execution.run_id)
    [mail] = account.wait_for_mails(execution.run_id)
    assert mail["message"].splitlines()[0] == "The execution was stopped: changed my mind"
    return execution


def start_until(account: Account, state: str) -> str:
    """Starts an execution and waits until it enters a state."""
    arn = account.start({"mode": "inventory"})
    account.wait_for_state(arn, state)
    return arn
