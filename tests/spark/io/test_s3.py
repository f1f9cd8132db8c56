"""Tests S3's answers that MiniStack does not give: listings of several pages, and objects that cannot be removed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from orchard.errors import JobError
from orchard.io import s3
from orchard.io.s3 import S3Storage

# One more than a page of ListObjectsV2 has.
NUMBERS = [f"{number:04d}" for number in range(1001)]
MODIFIED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Answer the requests in the order in which the test adds them, and expect all of them."""
    client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    monkeypatch.setattr(s3, "s3_client", lambda _region=None: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def add_pages(answers: Stubber, member: str, entries: list[dict[str, Any]], request: dict[str, str]) -> None:
    """Add ListObjectsV2's answers: 1,000 entries, and the rest."""
    first: dict[str, Any] = {"IsTruncated": True, "NextContinuationToken": "next", member: entries[:1000]}
    answers.add_response("list_objects_v2", first, request)
    answers.add_response("list_objects_v2", {member: entries[1000:]}, {**request, "ContinuationToken": "next"})


def objects(prefix: str) -> list[dict[str, Any]]:
    return [{"Key": f"{prefix}{name}.jpg", "ETag": '"e"', "Size": 1, "LastModified": MODIFIED} for name in NUMBERS]


@pytest.mark.parametrize(("deep", "delimiter"), [(True, ""), (False, "/")])
def test_lists_the_files_of_every_page(answers: Stubber, deep: bool, delimiter: str) -> None:
    add_pages(answers, "Contents", objects("raw/"), {"Bucket": "data", "Prefix": "raw/", "Delimiter": delimiter})

    files = list(S3Storage().list_files("s3://data/raw", deep=deep))

    assert [file.path for file in files] == [f"s3://data/raw/{name}.jpg" for name in NUMBERS]
    assert {(file.size_bytes, file.etag) for file in files} == {(1, "e")}


def test_lists_the_folders_of_every_page(answers: Stubber) -> None:
    folders = [{"Prefix": f"raw/{name}/"} for name in NUMBERS]
    add_pages(answers, "CommonPrefixes", folders, {"Bucket": "data", "Prefix": "raw/", "Delimiter": "/"})

    assert S3Storage().list_folders("s3://data/raw") == NUMBERS


def add_removal(answers: Stubber, entries: list[dict[str, Any]], errors: list[dict[str, str]]) -> None:
    request = {"Objects": [{"Key": entry["Key"]} for entry in entries], "Quiet": True}
    answers.add_response("delete_objects", {"Errors": errors}, {"Bucket": "data", "Delete": request})


def test_removes_the_objects_of_every_page(answers: Stubber) -> None:
    entries, request = objects("runs/a/"), {"Bucket": "data", "Prefix": "runs/a/"}
    first: dict[str, Any] = {"IsTruncated": True, "NextContinuationToken": "next", "Contents": entries[:1000]}
    answers.add_response("list_objects_v2", first, request)
    add_removal(answers, entries[:1000], [])
    answers.add_response("list_objects_v2", {"Contents": entries[1000:]}, {**request, "ContinuationToken": "next"})
    add_removal(answers, entries[1000:], [])

    S3Storage().remove_folder("s3://data/runs/a")


def test_a_folder_without_objects_needs_no_removal(answers: Stubber) -> None:
    answers.add_response("list_objects_v2", {}, {"Bucket": "data", "Prefix": "runs/a/"})

    S3Storage().remove_folder("s3://data/runs/a")


def test_an_object_that_cannot_be_removed_is_an_error(answers: Stubber) -> None:
    entries = objects("runs/a/")[:2]
    answers.add_response("list_objects_v2", {"Contents": entries}, {"Bucket": "data", "Prefix": "runs/a/"})
    add_removal(answers, entries, [{"Key": "runs/a/0001.jpg", "Code": "AccessDenied", "Message": "Access Denied"}])

    with pytest.raises(JobError, match=r"^s3://data/runs/a/0001\.jpg cannot be removed: Access Denied$"):
        S3Storage().remove_folder("s3://data/runs/a")
