"""Leaves out the tests marked `deep`, except in `npm run test:deep`, and Spark's in `npm run test:mutation`.

Starts with the files that take longest, so that no worker is left with one of them at the end. `tests/spark` counts as
one file: it has one worker, whose tests share a Spark session and TensorFlow.
"""

import os
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

IS_DEEP = os.environ.get("ORCHARD_DEEP") == "1"
# Set by `npm run test:mutation`: starting a Spark session for each mutant would take hours.
IS_WITHOUT_SPARK = os.environ.get("ORCHARD_WITHOUT_SPARK") == "1"

SPARK = "tests/spark/"
LONG_FILES = [
    SPARK,
    *(f"tests/e2e/test_{name}.py" for name in ("sealed_network", "again", "modes", "failures", "kept_cluster")),
]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if _is_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = sorted((item for item in items if item not in left_out), key=_rank)


def _file(nodeid: str) -> str:
    return SPARK if nodeid.startswith(SPARK) else nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    file = _file(item.nodeid)
    return LONG_FILES.index(file) if file in LONG_FILES else len(LONG_FILES)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    scheduler = LoadFileScheduling(config, log)
    scheduler._split_scope = _file
    return scheduler


def _is_left_out(item: pytest.Item) -> bool:
    if IS_WITHOUT_SPARK and isinstance(item, pytest.Function) and "spark" in item.fixturenames:
        return True
    return not IS_DEEP and item.get_closest_marker("deep") is not None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # A suite that has only deep tests is not a failure.
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
