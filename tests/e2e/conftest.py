from collections.abc import Iterator
from pathlib import Path

import pytest

from .account import Account, started_account
from .api_calls import FOLDER


@pytest.fixture(scope="session", autouse=True)
def _no_calls_of_earlier_sessions() -> None:
    for earlier in FOLDER.glob("e2e-*.json"):
        earlier.unlink()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `account`."""
    return tmp_path_factory.mktemp("orchard")


@pytest.fixture(scope="session")
def account(home: Path) -> Iterator[Account]:
    """One account for all tests that leave it as it was."""
    with started_account(home) as account:
        yield account
