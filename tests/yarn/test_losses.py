"""A run on YARN is complete and has nothing twice after its features step has lost an executor or a node."""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.e2e.account import Account, started_account

from .processes import Containers, container_of, end_node, node_manager, node_of, send, talks_to_storage, wait_for
from .runs import YARN_SECONDS, application_in, bits, read_results, succeeded

pytestmark = pytest.mark.deep

RUN = {"mode": "full", "pca": {"components": 2}, "force": True}
# Spark's defaults are 120 s, 10 s and 60 s.
TIMEOUTS = {
    "spark.network.timeout": "12s",
    "spark.executor.heartbeatInterval": "1s",
    "spark.network.timeoutInterval": "1s",
}


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs one run after the other, and the results of the first, undisturbed one."""

    account: Account
    id: str
    folder: Path
    expected: dict[str, pa.Table]


@pytest.fixture(scope="module")
def cluster(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with started_account(home, yarn=True) as account:
        run = succeeded(account.run({**RUN, "keepMinutes": 60, "cluster": {"coreCount": 2}}, YARN_SECONDS))
        [kept] = account.clusters(run.run_id)
        expected = read_results(account, run.run_id, tmp_path_factory.mktemp("expected"))
        yield Cluster(account, kept["Id"], home / "account" / "emr" / kept["Id"], expected)


@dataclass(frozen=True)
class FeaturesStep:
    """The features step of a run, in which both executors compute."""

    arn: str
    containers: Containers
    # the container of each executor: on the driver's node, and on the other one
    near: str
    far: str
    # the folder of each executor's node
    nodes: dict[str, Path]
    # the driver's log
    log: Path


def _start_features(cluster: Cluster) -> FeaturesStep:
    """Start a run, and return when all executors' workers read images."""
    account = cluster.account
    arn = account.start({**RUN, "cluster": {"id": cluster.id}})
    account.wait_for_state(arn, "ExtractFeatures")
    log = wait_for("the step's log", lambda: _log_of_features(cluster))
    containers = Containers(cluster.folder, wait_for("the application", lambda: application_in(log.read_text())))
    executors = wait_for("two executors", lambda: found if len(found := containers.executors()) == 2 else None)
    wait_for("workers that read", lambda: all(_readers(containers, name) for name in executors))
    driver = containers.driver()
    nodes = {name: cluster.folder / "node" / node_of(pid) for name, pid in executors.items()}
    home = cluster.folder / "node" / node_of(driver)
    near, far = sorted(executors, key=lambda name: nodes[name] != home)
    [log] = (home / "yarn" / "containers").glob(f"*/{container_of(driver)}/stderr")
    return FeaturesStep(arn, containers, near, far, nodes, log)


def _log_of_features(cluster: Cluster) -> Path | None:
    """Return the log of the running features step, once it exists."""
    running = [step for step in cluster.account.steps(cluster.id) if step["Status"]["State"] == "RUNNING"]
    logs = [cluster.folder / "steps" / step["Id"] / "stderr" for step in running if step["Name"] == "ExtractFeatures"]
    return next((log for log in logs if log.exists()), None)


def _readers(containers: Containers, executor: str) -> list[int]:
    return [worker for worker in containers.workers(executor) if talks_to_storage(worker)]


def _finish(cluster: Cluster, arn: str, folder: Path) -> str:
    """Wait for the end of a run, compare its results, and return what its features step says about losses."""
    run = succeeded(cluster.account.wait(arn, YARN_SECONDS))
    results = read_results(cluster.account, run.run_id, folder)
    for kind, expected in cluster.expected.items():
        assert results[kind].column("path").equals(expected.column("path"))
        np.testing.assert_array_equal(bits(results[kind]), bits(expected))
    step = [step for step in cluster.account.steps(cluster.id) if step["Name"] == "ExtractFeatures"][-1]
    logs = f"logs/emr/{cluster.id}"
    application = application_in(cluster.account.text(f"{logs}/steps/{step['Id']}/stderr.gz"))
    [driver] = [
        name
        for name in cluster.account.names(f"{logs}/containers/{application}/")
        if name.endswith("_000001/stdout.gz")
    ]
    log = cluster.account.text(f"{logs}/containers/{application}/{driver}")
    found = re.search(r"^orchard: features: (executors lost: .* for nothing)$", log, re.MULTILINE)
    assert found, log
    return found[1]


def test_a_lost_executor_costs_only_its_tasks(cluster: Cluster, tmp_path: Path) -> None:
    step = _start_features(cluster)

    send(signal.SIGKILL, [step.containers.executors()[step.far]])

    losses = _finish(cluster, step.arn, tmp_path)
    assert re.fullmatch(
        r"executors lost: 1 \(.*\); attempts of tasks that failed: [1-9]\d*, in which a core has worked \d+\.\d s .*",
        losses,
    )


def test_a_task_that_goes_on_after_its_executor_was_given_up_doubles_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """As on a node that the network has cut off: NodeManager and executor are silent, but the Python workers go on."""
    defaults = cluster.folder / "node" / "conf" / "spark-defaults.conf"
    text = defaults.read_text()
    defaults.write_text(text + "".join(f"{key} {value}\n" for key, value in TIMEOUTS.items()))
    step = _start_features(cluster)
    defaults.write_text(text)
    silent = [node_manager(step.nodes[step.far]), step.containers.executors()[step.far]]
    tasks, others = step.containers.workers(step.far), step.containers.workers(step.near)
    parts = f"runs/{step.arn.rsplit(':', 1)[1]}/features/parquet/"

    # The other executor sends heartbeats, but must not end the step before these tasks go on.
    send(signal.SIGSTOP, [*silent, *tasks, *others])
    before = cluster.account.names(parts)
    wait_for("the loss of the silent executor", lambda: "Lost executor" in step.log.read_text() or None)
    send(signal.SIGCONT, tasks)
    late = wait_for("files of its tasks", lambda: cluster.account.names(parts) - before)
    send(signal.SIGCONT, others)

    losses = _finish(cluster, step.arn, tmp_path)
    send(signal.SIGCONT, silent)
    assert losses.startswith("executors lost: 1 (Executor heartbeat timed out")
    assert late - cluster.account.names(parts), "the step has kept the files of a task that it had given up"


def test_a_lost_node_costs_only_its_tasks(cluster: Cluster, tmp_path: Path) -> None:
    """The cluster has one node afterwards."""
    step = _start_features(cluster)

    end_node(step.nodes[step.far])

    losses = _finish(cluster, step.arn, tmp_path)
    assert re.fullmatch(
        r"executors lost: 1 \(.*\); attempts of tasks that failed: [1-9]\d*, in which a core has worked \d+\.\d s .*",
        losses,
    )
