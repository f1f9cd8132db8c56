"""Files by URI: s3://bucket/key or a local path, keys unencoded.

Whole small files go through boto3 and the local file system; what is read in bulk goes through pyarrow.fs. Both find
credentials and the endpoint in the environment.
"""

import functools
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.fs as pafs

from orchard.errors import JobError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
S3Client = Any  # boto3 makes its classes at run time

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
# Small requests at once: they wait for S3, not for this machine.
THREADS = 16


@dataclass(frozen=True)
class StoredFile:
    """A file as a listing shows it."""

    path: str
    name: str
    size_bytes: int
    modified: datetime
    etag: str


def is_s3(uri: str) -> bool:
    """Whether `uri` names an S3 object or prefix."""
    return uri.startswith("s3://")


def join(folder: str, *names: str) -> str:
    """The URI of something below `folder`."""
    return "/".join([folder.rstrip("/"), *names])


def split_s3(uri: str) -> tuple[str, str]:
    """The bucket and the key of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@functools.cache
def s3_client(region: str | None = None) -> S3Client:
    """One boto3 client for the process."""
    # A quarter of a second in every worker, which jobs on local files need not wait.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client("s3", region_name=region, config=Config(retries={"mode": "standard", "max_attempts": 5}))


@functools.cache
def region_of(uri: str) -> str | None:
    """The region of a URI's bucket: the environment's, else S3's answer; None for a local path.

    A YARN container knows no region, and pyarrow does not ask for it.
    """
    if not is_s3(uri):
        return None
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        return region
    headers = s3_client().head_bucket(Bucket=split_s3(uri)[0])["ResponseMetadata"]["HTTPHeaders"]
    region = headers.get("x-amz-bucket-region")
    return str(region) if region else None


def filesystem(uri: str, region: str | None = None) -> pafs.FileSystem:
    """The file system that reads `uri`."""
    if is_s3(uri):
        return pafs.S3FileSystem(region=region, endpoint_override=_endpoint())
    return pafs.LocalFileSystem()


def _endpoint() -> str | None:
    # Arrow's SDK looks for the endpoint in files, not in the environment as boto3 does.
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def path_in_filesystem(uri: str) -> str:
    """`uri` as its file system names it: bucket/key, or the path itself."""
    return uri.removeprefix("s3://")


def read_stream(files: pafs.FileSystem, path: str) -> tuple[bytes, str]:
    """The whole content of a file of `files`, and its etag as `list_images` gives it.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if isinstance(files, pafs.LocalFileSystem):
        with Path(path).open("rb") as stream:
            return stream.read(), _local_etag(os.fstat(stream.fileno()))
    with files.open_input_stream(path) as stream:
        etag: str = stream.metadata()["ETag"].decode().strip('"')
        return stream.read(), etag


def read_bytes(uri: str) -> bytes:
    """The whole content of a file.

    Raises:
        JobError: there is no such file.
    """
    if not is_s3(uri):
        try:
            return Path(uri).read_bytes()
        except FileNotFoundError:
            raise JobError(f"{uri} does not exist") from None
    client, (bucket, key) = s3_client(), split_s3(uri)
    try:
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (client.exceptions.NoSuchKey, client.exceptions.NoSuchBucket):
        raise JobError(f"{uri} does not exist") from None
    return content


def exists(uri: str) -> bool:
    """Whether there is such a file."""
    if not is_s3(uri):
        return Path(uri).is_file()
    bucket, key = split_s3(uri)
    # A listing, because HEAD of a missing key is "forbidden" to who may not list.
    found = s3_client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return bool(found) and found[0]["Key"] == key


def write_bytes(uri: str, content: bytes) -> None:
    """Writes a whole file, which is never seen half-written; folders are made."""
    if is_s3(uri):
        bucket, key = split_s3(uri)
        s3_client().put_object(Bucket=bucket, Key=key, Body=content)
        return
    path = Path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def write_json(uri: str, document: object) -> None:
    """Writes one JSON file."""
    write_bytes(uri, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def remove_folder(uri: str) -> None:
    """Removes a folder with all that is in it; one that does not exist is no error."""
    if not is_s3(uri):
        shutil.rmtree(uri, ignore_errors=not Path(uri).exists())
        return
    bucket, prefix = split_s3(join(uri, ""))
    client = s3_client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if not keys:
            continue
        failures = client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True}).get("Errors", [])
        if failures:
            raise JobError(f"s3://{bucket}/{failures[0]['Key']} cannot be removed: {failures[0]['Message']}")


def write_whole(uri: str, content: pa.Buffer, region: str | None = None) -> None:
    """Writes a whole file from a worker: as `write_bytes`, through the file system that a worker has open anyway."""
    if not is_s3(uri):
        write_bytes(uri, content.to_pybytes())
        return
    # An object appears when its upload is complete, in one piece or in several.
    files = pafs.S3FileSystem(  # type: ignore[call-arg]  # pyarrow's own stub lacks the last one
        region=region, endpoint_override=_endpoint(), allow_delayed_open=True
    )
    with files.open_output_stream(path_in_filesystem(uri)) as target:
        target.write(content)


def list_folders(uri: str) -> list[str]:
    """The names of the folders directly under `uri`, in order; none when it does not exist."""
    if not is_s3(uri):
        try:
            with os.scandir(uri) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            return []
    bucket, prefix = split_s3(join(uri, ""))
    prefix = prefix.lstrip("/")
    pages = s3_client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    found = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    return sorted(folder.removeprefix(prefix).rstrip("/") for folder in found)


def list_images(folder: str, region: str | None = None) -> Iterator[StoredFile]:
    """The image files directly under `folder`.

    The etag is S3's own; a local file's is made from its time and size, which change when it does.
    """
    if not is_s3(folder):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower().endswith(IMAGE_SUFFIXES) and entry.is_file():
                    status = entry.stat()
                    modified = datetime.fromtimestamp(status.st_mtime, UTC)
                    yield StoredFile(
                        join(folder, entry.name), entry.name, status.st_size, modified, _local_etag(status)
                    )
        return
    bucket, prefix = split_s3(join(folder, ""))
    pages = s3_client(region).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    for page in pages:
        for entry in page.get("Contents", []):
            name = entry["Key"].removeprefix(prefix)
            if name.lower().endswith(IMAGE_SUFFIXES):
                etag = entry["ETag"].strip('"')
                yield StoredFile(f"s3://{bucket}/{entry['Key']}", name, entry["Size"], entry["LastModified"], etag)


def parquet_files(uri: str, files: pafs.FileSystem) -> list[str]:
    """The Parquet files under `uri`, in order, as `files` names them; none where there is no such folder."""
    root = path_in_filesystem(uri).rstrip("/")
    found = files.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    # Spark's own names begin with _ or . where a file is no result.
    return sorted(
        file.path
        for file in found
        if file.type == pafs.FileType.File
        and file.path.endswith(".parquet")
        and not any(part.startswith(("_", ".")) for part in file.path.removeprefix(root).split("/"))
    )


def in_parallel(function: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """`function` of each item, in order."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, items))


def _local_etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
