"""Tests the reads of images against an endpoint that counts requests and fails on demand."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from orchard.io import s3_reader
from orchard.io.backend import UnreadableFileError
from orchard.io.s3 import s3_client
from orchard.io.s3_reader import ATTEMPTS, make_reader

from ..s3_endpoint import Fault, S3Endpoint, etag_of, serve

NAME = "data/raw/Apple/1.jpg"
URI = f"s3://{NAME}"
PHOTO = bytes(range(256)) * 12_000


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Endpoint]:
    with serve() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setitem(s3_reader._BACKOFF, "init_backoff", timedelta(milliseconds=1))
        monkeypatch.setitem(s3_reader._BACKOFF, "max_backoff", timedelta(milliseconds=2))
        s3_client.cache_clear()
        yield server
        s3_client.cache_clear()


@pytest.mark.parametrize("content", [b"x", PHOTO])
def test_an_object_and_its_etag_come_from_one_get(endpoint: S3Endpoint, content: bytes) -> None:
    endpoint.objects[NAME] = content

    assert make_reader("eu-west-1")(URI) == (content, etag_of(content))

    assert endpoint.requests == {("GET", NAME): 1}


TRANSIENT: list[Fault] = [(503, "SlowDown"), (500, "InternalError"), (429, "TooManyRequests"), "reset"]


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_request_that_fails_nine_times_succeeds(endpoint: S3Endpoint, fault: Fault) -> None:
    endpoint.objects[NAME] = PHOTO
    endpoint.faults[NAME] = [fault] * (ATTEMPTS - 1)

    assert make_reader("eu-west-1")(URI) == (PHOTO, etag_of(PHOTO))

    assert endpoint.requests == {("GET", NAME): ATTEMPTS}


def test_a_request_that_keeps_failing_is_an_error_that_names_the_object(endpoint: S3Endpoint) -> None:
    endpoint.objects[NAME] = PHOTO
    endpoint.faults[NAME] = [(503, "SlowDown")]
    endpoint.lasting.add(NAME)

    with pytest.raises(OSError, match=rf"^{URI} cannot be read: .*SlowDown") as caught:
        make_reader("eu-west-1")(URI)

    assert "\n" not in str(caught.value)
    assert endpoint.requests == {("GET", NAME): ATTEMPTS}


def test_a_response_that_is_cut_is_completed(endpoint: S3Endpoint) -> None:
    endpoint.objects[NAME] = PHOTO
    endpoint.faults[NAME] = ["cut"]

    assert make_reader("eu-west-1")(URI) == (PHOTO, etag_of(PHOTO))


def test_a_response_is_never_completed_from_another_version(
    endpoint: S3Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.objects[NAME] = PHOTO
    endpoint.faults[NAME] = ["cut"]
    take = endpoint.take

    def overwrite_before_the_second(method: str, name: str) -> Fault | None:
        if endpoint.requests[method, name] == 1:
            endpoint.objects[name] = PHOTO[::-1]
        return take(method, name)

    monkeypatch.setattr(endpoint, "take", overwrite_before_the_second)

    with pytest.raises(OSError, match=rf"^{URI} cannot be read"):
        make_reader("eu-west-1")(URI)


@pytest.mark.parametrize("name", [NAME, "data/raw/Apple/a\ttab.jpg"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ((403, "AccessDenied"), "access denied"),
        ((403, "InvalidObjectState"), "archived: restore it first"),
        ((404, "NoSuchKey"), "file not found"),
        ((404, "NoSuchBucket"), "file not found"),
    ],
)
def test_an_object_that_must_not_be_read_has_a_reason(
    endpoint: S3Endpoint, name: str, fault: Fault, reason: str
) -> None:
    endpoint.objects[name] = PHOTO
    endpoint.faults[name] = [fault]

    with pytest.raises(UnreadableFileError, match=f"^{reason}$"):
        make_reader("eu-west-1")(f"s3://{name}")

    assert endpoint.requests == {("GET", name): 1}


def test_credentials_that_are_refused_are_not_the_images_fault(endpoint: S3Endpoint) -> None:
    endpoint.objects[NAME] = PHOTO
    endpoint.faults[NAME] = [(403, "InvalidAccessKeyId")]

    with pytest.raises(OSError, match="InvalidAccessKeyId"):
        make_reader("eu-west-1")(URI)


def test_keys_with_control_characters_are_read(endpoint: S3Endpoint) -> None:
    name = "data/raw/Apple/a\ttab.jpg"
    endpoint.objects[name] = PHOTO

    assert make_reader("eu-west-1")(f"s3://{name}") == (PHOTO, etag_of(PHOTO))

    assert endpoint.requests == {("GET", name): 1}


@pytest.mark.parametrize(
    ("region", "bucket", "endpoint"),
    [
        ("eu-central-1", "data", "https://data.s3.eu-central-1.amazonaws.com"),
        ("eu-central-1", "my.data", "https://s3.eu-central-1.amazonaws.com"),
        ("eusc-de-east-1", "data", "https://data.s3.eusc-de-east-1.amazonaws.eu"),
        ("cn-north-1", "data", "https://data.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_endpoint_is_that_of_the_regions_partition(region: str, bucket: str, endpoint: str) -> None:
    config = s3_reader._open_bucket(bucket, region, None).config

    assert config["endpoint"] == endpoint
    assert str(config["virtual_hosted_style_request"]) == str("." not in bucket).lower()
