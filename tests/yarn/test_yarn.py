"""Runs mode mini on a real YARN with executors on two nodes, and compares its numbers with those of local[*]."""

from pathlib import Path

import numpy as np

from tests.e2e.account import started_account

from .runs import YARN_SECONDS, application_of, bits, events, find_step, read_results, repeat_locally, succeeded

RUN = {"mode": "mini", "pca": {"components": 50}, "force": True, "cluster": {"coreCount": 2}}


def test_yarn_computes_the_same_bits_as_one_process(home: Path, tmp_path: Path) -> None:
    with started_account(home, yarn=True) as account:
        on_yarn = succeeded(account.run(RUN, YARN_SECONDS))
        expected = read_results(account, on_yarn.run_id, tmp_path)
        cluster, step = find_step(account, on_yarn.run_id, "ExtractFeatures")
        arguments = step["Config"]["Args"]
        logs = f"logs/emr/{cluster}"
        controller = account.text(f"{logs}/steps/{step['Id']}/controller.gz")
        application = application_of(account, cluster, step["Id"])
        added = [e for e in events(account, application) if e["Event"] == "SparkListenerExecutorAdded"]
        containers = account.names(f"{logs}/containers/{application}/")
        bootstraps = {
            name: account.text(f"{logs}/node/{name}")
            for name in account.names(f"{logs}/node/")
            if name.endswith("bootstrap-actions/1/stdout.gz")
        }
        results = read_results(account, repeat_locally(account, on_yarn.run_id, arguments), tmp_path)

    assert arguments[:5] == ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster"]
    assert f"startExec '{' '.join(arguments)}'" in controller
    assert "2 NodeManagers (as planned), each with the 12288 MiB of m5.xlarge on EMR" in controller
    assert {event["Executor Info"]["Host"] for event in added} == {"127.0.0.2", "127.0.0.3"}
    assert len({name.split("/")[0] for name in containers if name.endswith("/stdout.gz")}) == 3
    assert len(bootstraps) == 3
    for log in bootstraps.values():
        assert "/opt/orchard/python is ready" in log
    for kind in ("features", "pca"):
        assert expected[kind].column("path").equals(results[kind].column("path"))
        np.testing.assert_array_equal(bits(expected[kind]), bits(results[kind]))
