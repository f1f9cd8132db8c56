"""A kill at any moment leaves no process, no cluster and no half-written result, and the next run succeeds.

Only `npm run test:deep` runs these. ORCHARD_KILLS sets the number of random moments; ORCHARD_SEED repeats them.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .account import Account, Execution, free_port, started_account
from .processes import find

KILLS = int(os.environ.get("ORCHARD_KILLS", "12"))
# All workers of pytest-xdist must choose the same moments.
SEED = os.environ.get("ORCHARD_SEED") or os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(time.time_ns())
# A part of the command line for each process to kill. The account comes first, because it runs all others.
TARGETS = {
    "account": None,
    "spark-submit": "org.apache.spark.deploy.SparkSubmit",
    "Python worker": "pyspark.daemon",
    "EMR's own process for the step": "supervise.py",
}
RUN = {"mode": "mini", "limit": 12, "pca": {"components": 2}, "force": True}
WAIT_SECONDS = 120
END_SECONDS = 120

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc"),
]


class Machine:
    """The account in one folder for all kills; after a kill, a new account starts in the same folder."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home = home
        self._port = free_port()
        self._stack = stack
        self._account: Account | None = None

    def account(self) -> Account:
        if self._account is None or self._account.process.poll() is not None:
            self._account = self._stack.enter_context(started_account(self.home, self._port))
        return self._account


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with ExitStack() as stack:
        yield Machine(tmp_path_factory.mktemp("killed"), stack)


def moments() -> list[tuple[str, float]]:
    """Returns the targets in turn, each with a random delay in seconds after the start of the cluster's first step."""
    chosen = random.Random(SEED)
    names = list(TARGETS)
    # The account still works after the steps: it validates the results and terminates the cluster.
    return [
        (name, round(chosen.uniform(0, 25 if name == "account" else 8), 2))
        for name in (names[number % len(names)] for number in range(KILLS))
    ]


@pytest.mark.parametrize(("target", "seconds"), moments(), ids=str)
def test_a_kill_leaves_nothing_behind(machine: Machine, target: str, seconds: float) -> None:
    print(f"ORCHARD_SEED={SEED}")
    account, home = machine.account(), machine.home
    arn = account.start(RUN)
    account.wait_for_state(arn, "Inventory")
    time.sleep(seconds)

    if target == "account":
        os.kill(_process_of_account(home), signal.SIGKILL)
        account.process.wait(WAIT_SECONDS)
        _assert_no_process(home)
        account = machine.account()
    else:
        _kill(home, target)

    execution = account.wait(arn)
    _assert_clean(account, execution)
    _assert_no_process(home / "account" / "emr")
    mails = account.wait_for_mails(execution.run_id)
    if execution.status == "FAILED":
        [mail] = mails
        assert "terminated" in mail["message"]


def test_a_run_succeeds_after_the_kills(machine: Machine) -> None:
    assert machine.account().run(RUN).status == "SUCCEEDED"


def _process_of_account(home: Path) -> int:
    return int(json.loads((home / "account" / "account.json").read_text())["pid"])


def _kill(home: Path, target: str) -> None:
    """Waits for a process of the running step, and kills it."""
    part = TARGETS[target]
    assert part is not None
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        # The newest process of the daemon and its workers is a worker.
        step = {pid: command for pid, command in find(home / "account" / "emr").items() if part in command}
        for pid in sorted(step, reverse=True):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            return
        time.sleep(0.05)
    raise AssertionError(f"no {target} to kill")


def _assert_clean(account: Account, execution: Execution) -> None:
    assert execution.status in {"SUCCEEDED", "FAILED", "ABORTED"}
    account.wait_for_clusters_to_go(execution.run_id)
    names = account.names(f"runs/{execution.run_id}/")
    assert ("manifest.json" in names) == (execution.status == "SUCCEEDED")
    if "latest.json" in account.names("runs/"):
        latest = account.json("runs/latest.json")["runId"]
        assert "manifest.json" in account.names(f"runs/{latest}/")


def _assert_no_process(folder: Path) -> None:
    deadline = time.monotonic() + END_SECONDS
    while (left := find(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == {}
