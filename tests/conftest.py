"""Leaves out the tests marked `deep`, unless `npm run test:deep` asks for them."""

import os

import pytest

IS_DEEP = os.environ.get("ORCHARD_DEEP") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if IS_DEEP:
        return
    left_out = [item for item in items if item.get_closest_marker("deep")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("deep")]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # A suite of which every test is deep is not a failure.
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
