"""Tests both back ends, S3 by MiniStack and local files, with the same keys and expectations."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from orchard.errors import JobError
from orchard.io import s3_reader
from orchard.io.outputs import keep_reported
from orchard.io.parts import PartFiles
from orchard.io.read_ahead import read_ahead
from orchard.io.s3 import find_region, s3_client
from orchard.io.storage import locate_storage, open_storage
from orchard.io.uri import join
from orchard.jobs.inventory import find_folders
from orchard.jobs.listing import Listing, sort_out
from orchard.plan import read_plan

from ..runs import INPUT_TREES, TREE_RULES, write_plan

NAMES = [
    "plain.jpg",
    "a b.jpg",
    "100%.jpg",
    "a%20b.jpg",
    "a+b.JPG",
    "a#b.jpeg",
    "a?b=c&d.png",
    "caf\u00e9.jpg",
    "cafe\u0301.jpg",
    "\U0001f34f.jpg",
    "quote\"'.jpg",
]
LABEL = "Apple, \u00c9t\u00e9 #1+2%"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    # MiniStack's other listeners have fixed ports.
    other_listeners = {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    environment = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), **other_listeners}
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    work = tmp_path_factory.mktemp("ministack")
    command = [str(Path(sys.executable).with_name("ministack"))]
    with (work / "log").open("wb") as log, pytest.MonkeyPatch.context() as patch:
        server = subprocess.Popen(command, env=environment, cwd=work, stdout=log, stderr=log)
        try:
            for name, value in settings.items():
                patch.setenv(name, value)
            s3_client.cache_clear()
            find_region.cache_clear()
            wait_for(f"http://127.0.0.1:{port}/_ministack/health")
            where = {"LocationConstraint": "eu-west-1"}
            s3_client().create_bucket(Bucket="orchard-test", CreateBucketConfiguration=where)
            yield "s3://orchard-test"
        finally:
            server.terminate()
            server.wait(60)
            s3_client.cache_clear()
            find_region.cache_clear()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture(params=["s3", "local"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path)
    uri: str = request.getfixturevalue("bucket")
    return f"{uri}/{tmp_path.name}"


def test_any_name_is_listed_and_read_as_it_was_written(root: str) -> None:
    folder = join(root, "Training", LABEL)
    storage = locate_storage(root)
    for name in NAMES:
        storage.write_bytes(join(folder, name), name.encode())
    storage.write_bytes(join(folder, "notes.txt"), b"-")
    storage.write_bytes(join(folder, "deeper", "x.jpg"), b"-")

    assert storage.list_folders(root) == ["Training"]
    assert storage.list_folders(join(root, "Training")) == [LABEL]
    files = {file.name: file for file in storage.list_files(folder, deep=False)}
    assert sorted(files) == sorted([*NAMES, "notes.txt"])
    assert {file.path for file in storage.list_files(root, deep=True)} == {
        join(folder, name) for name in [*NAMES, "notes.txt", "deeper/x.jpg"]
    }
    assert all(files[name].size_bytes == len(name.encode()) for name in NAMES)
    assert len({files[name].etag for name in NAMES}) == len(NAMES)
    paths = [files[name].path for name in NAMES]
    assert paths == [join(folder, name) for name in NAMES]
    gone = join(folder, "gone.jpg")
    found = list(read_ahead([(path, "label", "as listed", 1) for path in [*paths, gone]], storage))
    # Reading a file gives the same etag as listing it.
    assert found == [
        *((files[name].path, "label", "as listed", name.encode(), files[name].etag, None) for name in NAMES),
        (gone, "label", "as listed", None, None, "file not found"),
    ]


@pytest.mark.parametrize("fixture", INPUT_TREES, ids=lambda tree: tree["name"])
def test_a_tree_on_s3_is_sorted_out_like_preflight(bucket: str, tmp_path: Path, fixture: dict[str, Any]) -> None:
    root = f"{bucket}/{tmp_path.name}/raw"
    for key in [*fixture["images"], *(key for keys in fixture["leftOut"].values() for key in keys)]:
        s3_client().put_object(Bucket="orchard-test", Key=f"{tmp_path.name}/raw/{key}", Body=b"x")
    for key in fixture.get("folderMarkers", []):
        s3_client().put_object(Bucket="orchard-test", Key=f"{tmp_path.name}/raw/{key}", Body=b"")
    rules = {"layout": fixture["layout"], **TREE_RULES}
    plan = read_plan(str(write_plan(tmp_path, Path("unused"), input=f"{root}/", tree=rules)))

    listing = Listing()
    images = []
    for folder in find_folders(plan, listing):
        for page in locate_storage(root).list_range(folder):
            images += sort_out(plan, page, listing)

    assert sorted(image.file.path for image in images) == sorted(f"{root}/{key}" for key in fixture["images"])
    assert listing.left_out.reasons == {reason: len(keys) for reason, keys in fixture["leftOut"].items()}


def test_missing_files_and_folders(root: str) -> None:
    storage = open_storage(root)
    assert storage.list_folders(join(root, "nowhere")) == []
    with pytest.raises(JobError, match=r"gone\.json does not exist"):
        storage.read_bytes(join(root, "gone.json"))


def test_writing_replaces_a_file(root: str) -> None:
    uri = join(root, "new folder", "progress.json")

    storage = open_storage(root)
    storage.write_bytes(uri, b"1")
    storage.write_bytes(uri, b"2")

    assert storage.read_bytes(uri) == b"2"


def test_writing_a_buffer_replaces_a_file(root: str) -> None:
    uri = join(root, "model=0", "features.parquet")
    storage = locate_storage(root)
    # One upload of several parts, and one of a single part.
    for size in (6_000_000, 10):
        content = bytes(range(256)) * (size // 256 + 1)

        storage.write_buffer(uri, pa.py_buffer(content))

        assert storage.read_bytes(uri) == content


def test_an_unreachable_file_is_an_error_and_not_a_bad_image(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_reader, "ATTEMPTS", 2)
    # A bound socket that does not listen refuses connections, and no other process can take its port.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")

        with pytest.raises(OSError, match=r"a\.jpg"):
            list(read_ahead([(f"{bucket}/a.jpg", "label", "etag", 1)], locate_storage(bucket)))


def test_a_step_keeps_the_files_that_its_tasks_report(root: str) -> None:
    storage = locate_storage(root)
    storage.write_bytes(join(root, "csv", "part-00007-0000-0badc0de.csv"), b"foreign")
    files = PartFiles(root, storage, 0)
    for text in (b"first", b"second"):
        files.write("csv", ".csv", pa.py_buffer(text), 1)

    keep_reported(root, files.outputs, ("parquet", "csv"))

    kept = [storage.read_bytes(file.path) for file in storage.list_files(join(root, "csv"), deep=True)]
    assert sorted(kept) == [b"first", b"second"]
