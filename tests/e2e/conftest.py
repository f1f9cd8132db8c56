from collections.abc import Iterator
from pathlib import Path

import pytest

from .account import Account, started_account


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `account`."""
    return tmp_path_factory.mktemp("orchard")


@pytest.fixture(scope="session")
def account(home: Path) -> Iterator[Account]:
    """One account, shared by all tests that leave it unchanged."""
    with started_account(home) as account:
        yield account
