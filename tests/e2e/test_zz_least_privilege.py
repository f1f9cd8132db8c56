"""What all tests together called, against the policies that were deployed: the last file, because it needs them all."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .account import NODE, ROOT, Account
from .api_calls import FAULTS, FOLDER, keep


@pytest.fixture(scope="module")
def judgement(account: Account, home: Path) -> Any:
    """Of the judge in infra/check, over all accounts of this session and the fault tests."""
    keep(home, account.endpoint, account.env)
    records = sorted(FOLDER.glob("*.json"))
    done = subprocess.run(
        [NODE, "infra/check/judge-calls.ts", *records], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_call_is_allowed(judgement: Any) -> None:
    assert judgement["denied"] == []
    assert judgement["calls"] > 0


def test_nothing_is_granted_that_no_test_needs(judgement: Any, request: pytest.FixtureRequest) -> None:
    if missing := _missing(request.session):
        pytest.skip(f"what is not needed shows only when all tests have run: {missing}")

    assert judgement["unused"] == []


def _missing(session: pytest.Session) -> str:
    """Why this session has not called all that the tests call; empty when it has."""
    here = Path(__file__).parent
    left_out = {path.name for path in here.glob("test_*.py")} - {item.path.name for item in session.items}
    if left_out:
        return f"{', '.join(sorted(left_out))} did not run"
    if any("::" in arg for arg in session.config.args) or session.config.getoption("keyword"):
        return "some tests were deselected"
    if session.testsfailed:
        return f"{session.testsfailed} tests failed"
    return "" if FAULTS.exists() else "the fault tests did not run"
