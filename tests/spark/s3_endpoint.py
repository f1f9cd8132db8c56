"""A small S3 endpoint for tests: it serves objects, counts requests, and fails as a test tells it to."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit

import pytest
from orchard.io.s3 import find_region, s3_client
from pyspark.sql import SparkSession

# An HTTP status with the code in S3's error document, or a connection that ends before or within the answer.
Fault = tuple[int, str] | Literal["reset", "cut"]


@dataclass
class S3Endpoint:
    """Answers GET and HEAD of `objects`, by `<bucket>/<key>`.

    `faults` has the answers to the first requests for an object; the last one is repeated if it is in `lasting`.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    lasting: set[str] = field(default_factory=set)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str, name: str) -> Fault | None:
        """Count a request, and return its fault, if any."""
        with self._lock:
            self.requests[method, name] += 1
            faults = self.faults.get(name, [])
            if not faults:
                return None
            return faults[0] if name in self.lasting and len(faults) == 1 else faults.pop(0)


def etag_of(content: bytes) -> str:
    """Return the etag that the endpoint gives to an object."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@contextmanager
def serve() -> Iterator[S3Endpoint]:
    """Serve an endpoint on a loopback port until the block ends."""
    endpoint = S3Endpoint()
    handler = type("Handler", (_Handler,), {"endpoint": endpoint})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def use_endpoint(spark: SparkSession, url: str) -> Iterator[None]:
    """Let this process and Spark's workers find S3 at a URL until the block ends."""
    settings = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
            patch.setitem(spark.sparkContext.environment, name, value)
        s3_client.cache_clear()
        find_region.cache_clear()
        yield
    s3_client.cache_clear()
    find_region.cache_clear()


class _Handler(BaseHTTPRequestHandler):
    endpoint: ClassVar[S3Endpoint]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self._name()
        fault = self.endpoint.take(self.command, name)
        content = self.endpoint.objects.get(name)
        if fault == "reset":
            self.close_connection = True
            self.connection.close()
        elif isinstance(fault, tuple):
            self._refuse(*fault)
        elif content is None:
            self._refuse(404, "NoSuchKey")
        elif self.headers.get("If-Match", f'"{etag_of(content)}"') != f'"{etag_of(content)}"':
            self._refuse(412, "PreconditionFailed")
        else:
            self._send(content, len(content) // 2 if fault == "cut" else None)

    do_HEAD = do_GET  # noqa: N815

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>for the test</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send(self, content: bytes, end: int | None) -> None:
        start, total = 0, len(content)
        if ranges := self.headers.get("Range"):
            first, _, last = ranges.removeprefix("bytes=").partition("-")
            start, stop = int(first), int(last) + 1 if last else total
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{total}")
            content = content[start:stop]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{etag_of(self.endpoint.objects[self._name()])}"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(content[:end])
        if end is not None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/")

    def log_message(self, format: str, *args: object) -> None:
        del format, args
