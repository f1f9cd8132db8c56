"""Objects in S3: single small files and listings through boto3, images through obstore, Parquet through pyarrow.

All three take credentials and the endpoint from the environment.
"""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.fs as pafs

from orchard.errors import JobError
from orchard.io.backend import StoredFile
from orchard.io.key_ranges import KeyRange, split_range
from orchard.io.s3_reader import ATTEMPTS, find_endpoint, make_reader
from orchard.io.uri import join, split_s3, to_arrow_path, to_s3

S3Client = Any  # boto3 creates its classes at run time


@dataclass(frozen=True)
class S3Storage:
    """Objects in S3, by URI. See `Storage` for the operations.

    `region` is the region of the bucket. pyarrow needs it; boto3 works without it, because it follows S3's redirects.
    """

    region: str | None = None
    # Latency is 20 to 100 ms for each object.
    readers: ClassVar[int] = 8
    splits_ranges: ClassVar[bool] = True

    def read_bytes(self, uri: str) -> bytes:
        """Read a whole object."""
        client, (bucket, key) = s3_client(self.region), split_s3(uri)
        try:
            content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (client.exceptions.NoSuchKey, client.exceptions.NoSuchBucket):
            raise JobError(f"{uri} does not exist") from None
        return content

    def exists(self, uri: str) -> bool:
        """Return whether `uri` is an object."""
        bucket, key = split_s3(uri)
        # A listing, because HEAD answers 403 for a missing key to callers without s3:ListBucket.
        found = s3_client(self.region).list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        return bool(found) and found[0]["Key"] == key

    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write a whole object."""
        bucket, key = split_s3(uri)
        s3_client(self.region).put_object(Bucket=bucket, Key=key, Body=content)

    def write_buffer(self, uri: str, content: pa.Buffer) -> None:
        """Write a whole object, which appears when its upload is complete, in one part or in several."""
        # Delayed open saves a request: content below the part size goes up in one PUT.
        with self._open_filesystem(allow_delayed_open=True).open_output_stream(to_arrow_path(uri)) as target:
            target.write(content)

    def remove_folder(self, uri: str) -> None:
        """Remove all objects below a prefix."""
        bucket, prefix = split_s3(join(uri, ""))
        for page in s3_client(self.region).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            self.remove_files([to_s3(bucket, entry["Key"]) for entry in page.get("Contents", [])])

    def remove_files(self, uris: Sequence[str]) -> None:
        """Remove objects of one bucket, with a request for each 1,000."""
        for first in range(0, len(uris), 1000):
            split = [split_s3(uri) for uri in uris[first : first + 1000]]
            bucket = split[0][0]
            delete = {"Objects": [{"Key": key} for _, key in split], "Quiet": True}
            failures = s3_client(self.region).delete_objects(Bucket=bucket, Delete=delete).get("Errors", [])
            if failures:
                raise JobError(f"{to_s3(bucket, failures[0]['Key'])} cannot be removed: {failures[0]['Message']}")

    def list_folders(self, uri: str) -> list[str]:
        """List the names of the common prefixes directly under `uri`."""
        bucket, prefix = split_prefix(uri)
        pages = self._list(bucket, prefix, Delimiter="/")
        found = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
        return sorted(folder.removeprefix(prefix).removesuffix("/") for folder in found)

    def list_files(self, folder: str, *, deep: bool) -> Iterator[StoredFile]:
        """List the objects directly under `folder`, or at any depth, with S3's own etags."""
        bucket, prefix = split_prefix(folder)
        for page in self._list(bucket, prefix, Delimiter="" if deep else "/"):
            yield from read_page(bucket, page)

    def list_range(self, files: KeyRange) -> Iterator[list[StoredFile]]:
        """List the objects of a range in the order of their keys' UTF-8 bytes."""
        bucket, prefix = split_s3(files.prefix)
        for page in self._list(bucket, prefix, StartAfter=split_s3(files.after)[1]):
            yield read_page(bucket, page)

    def split_range(self, files: KeyRange) -> list[KeyRange]:
        """Split a range by the next character of its keys; a part takes one request."""

        def find_first(part: KeyRange) -> str | None:
            bucket, prefix = split_s3(part.prefix)
            page = next(iter(self._list(bucket, prefix, StartAfter=split_s3(part.after)[1], MaxKeys=1)))
            return next((file.path for file in read_page(bucket, page)), None)

        return split_range(files, find_first)

    def _list(self, bucket: str, prefix: str, **options: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        paginator = s3_client(self.region).get_paginator("list_objects_v2")
        pages: Iterator[dict[str, Any]] = paginator.paginate(Bucket=bucket, Prefix=prefix, **options)
        return pages

    def open_filesystem(self) -> pafs.FileSystem:
        """Open pyarrow's S3 file system."""
        return self._open_filesystem()

    def _open_filesystem(self, **options: Any) -> pafs.FileSystem:  # noqa: ANN401
        return pafs.S3FileSystem(
            region=self.region,
            endpoint_override=find_endpoint(),
            retry_strategy=pafs.AwsStandardS3RetryStrategy(ATTEMPTS),
            **options,
        )

    def open_reader(self) -> Callable[[str], tuple[bytes, str]]:
        """Return a function that reads an object and its etag."""
        return make_reader(self.region)


def read_page(bucket: str, page: dict[str, Any]) -> list[StoredFile]:
    """Return the objects of a page of a listing, with S3's own etags."""
    return [
        StoredFile(
            to_s3(bucket, entry["Key"]),
            entry["Key"].rpartition("/")[2],
            entry["Size"],
            entry["LastModified"],
            entry["ETag"].strip('"'),
        )
        for entry in page.get("Contents", [])
    ]


def split_prefix(folder: str) -> tuple[str, str]:
    """Split the URI of a folder into bucket and prefix. A last slash is part of the name, as in the key `a//b`."""
    bucket, key = split_s3(folder)
    return bucket, f"{key}/" if key or folder.endswith("/") else ""


@functools.cache
def s3_client(region: str | None = None) -> S3Client:
    """Return the process's boto3 client for a region, created on first use."""
    # Importing boto3 takes a quarter of a second, which workers on local files need not spend.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client("s3", region_name=region, config=Config(retries={"mode": "standard", "max_attempts": ATTEMPTS}))


@functools.cache
def find_region(bucket: str) -> str | None:
    """Return the environment's region, else the one that S3 reports for the bucket, if any.

    A YARN container has no region in its environment, and pyarrow does not ask S3 for it.
    """
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        return region
    headers = s3_client().head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    region = headers.get("x-amz-bucket-region")
    return str(region) if region else None
