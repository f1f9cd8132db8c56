from collections.abc import Iterator

import pytest

from .account import Account, started_account


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One account for all tests that leave it as it was."""
    with started_account(tmp_path_factory.mktemp("orchard")) as account:
        yield account
