"""Preflight refuses a bad input before anything is created, and the mail quotes the reason."""

import pytest

from .account import Account


@pytest.mark.parametrize(
    ("execution_input", "expected"),
    [
        ({"mode": "mini", "limt": 10}, "limit"),
        ({"mode": "single-class", "label": "Aple Golden 1"}, "Apple Golden 1"),
        ([1, 2, 3], "object"),
        # As JSON 262,144 bytes, the most that Step Functions takes.
        ({"overlap": "queue", "mode": "m" * 262_112}, "at most 16,384 are allowed"),
        # The unit tests of Preflight have the same inputs.
        pytest.param({"mode": "everything"}, "everything", marks=pytest.mark.deep),
        pytest.param({"mode": "mini", "limit": 1}, "limit", marks=pytest.mark.deep),
        pytest.param({"mode": "mini", "limit": 20, "pca": {"components": 20}}, "19", marks=pytest.mark.deep),
        pytest.param({"mode": "mini", "pca": {"components": 1281}}, "299", marks=pytest.mark.deep),
        pytest.param({"mode": "mini", "splits": ["Trainig"]}, "Training", marks=pytest.mark.deep),
        pytest.param(
            {"mode": "mini", "input": "s3://no-such-bucket-anywhere/images/"},
            "no-such-bucket-anywhere",
            marks=pytest.mark.deep,
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_created(
    account: Account, execution_input: object, expected: str
) -> None:
    execution = account.run(execution_input)

    assert execution.status == "FAILED"
    assert execution.error in {"InvalidInput", "PreflightFailed"}
    assert expected in execution.cause
    assert account.clusters(execution.run_id) == []
    [mail] = account.mails(execution.run_id)
    assert expected in mail["message"]


def test_an_empty_prefix_is_refused(account: Account) -> None:
    execution = account.run({"mode": "apples", "input": f"s3://{account.bucket}/data/nothing/"})

    assert (execution.status, account.clusters(execution.run_id)) == ("FAILED", [])
    assert "data/nothing/" in execution.cause
