"""A deployed schedule starts executions, and skips a start while an execution is running."""

import json
import re
import time
from pathlib import Path
from typing import Any

from .account import RUN_SECONDS, Account

AT_ONCE = "at(2000-01-01T00:00:00)"
"""MiniStack starts a schedule in the past once, at its next check; AWS refuses it."""


def _scheduled(account: Account, but: set[str]) -> str:
    """Waits for an execution of the schedule that is not among the known ones, and returns its ARN."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        found = account.client("stepfunctions").list_executions(stateMachineArn=account.state_machine)
        for execution in found["executions"]:
            # Scheduler's execution ids have this form; the names of the tests' own executions do not.
            if re.fullmatch("[0-9a-f]{16}", execution["name"]) and execution["executionArn"] not in but:
                return str(execution["executionArn"])
        assert time.monotonic() < deadline, "the schedule started nothing"
        time.sleep(0.5)


def _output(account: Account, arn: str) -> dict[str, Any]:
    output = json.loads(account.describe(arn)["output"])
    assert isinstance(output, dict)
    return output


def test_schedule_starts_an_execution_by_its_own_id_and_skips_one_that_would_overlap(
    account: Account, tmp_path: Path
) -> None:
    account.deploy(tmp_path, scheduleExpression=AT_ONCE, scheduleInput='{"mode":"inventory"}')

    first = _scheduled(account, set())
    account.wait_for_state(first, "AnythingToDo")

    assert account.states(first)[:5] == ["TakeInput", "NeedsTurn", "TakeTurn", "HasTurn", "Preflight"]
    assert json.loads(account.describe(first)["input"]) == {"mode": "inventory", "overlap": "skip"}

    # Schedule again while another execution waits for a minute: MiniStack checks schedules every ten seconds.
    waiting = account.start({"mode": "mini", "overlap": "queue"})
    account.wait_for_state(waiting, "TakeTurn")
    scheduler = account.client("scheduler")
    [schedule] = scheduler.list_schedules()["Schedules"]
    scheduler.create_schedule(
        Name="again",
        ScheduleExpression=AT_ONCE,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=scheduler.get_schedule(Name=schedule["Name"])["Target"],
    )
    try:
        second = account.wait(_scheduled(account, {first}))

        assert second.status == "SUCCEEDED"
        assert account.states(second.arn) == ["TakeInput", "NeedsTurn", "TakeTurn", "HasTurn", "Skipped"]
        assert _output(account, second.arn)["turn"]["inTheWay"]["executionArn"] in (first, waiting)
        assert account.clusters(second.run_id) == []
    finally:
        for arn in (first, waiting):
            account.stop_execution(arn)
        scheduler.delete_schedule(Name="again")
