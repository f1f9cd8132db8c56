"""Leaves out the tests marked `deep`, except in `npm run test:deep`, and Spark's in `npm run test:mutation`."""

import os

import pytest

IS_DEEP = os.environ.get("ORCHARD_DEEP") == "1"
# Set by `npm run test:mutation`: starting a Spark session for each mutant would take hours.
IS_WITHOUT_SPARK = os.environ.get("ORCHARD_WITHOUT_SPARK") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if _is_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item) -> bool:
    if IS_WITHOUT_SPARK and isinstance(item, pytest.Function) and "spark" in item.fixturenames:
        return True
    return not IS_DEEP and item.get_closest_marker("deep") is not None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # A suite of which every test is deep is not a failure.
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
