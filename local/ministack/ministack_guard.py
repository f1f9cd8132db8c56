"""Refuse requests to MiniStack's port that come neither from the account's processes nor with its access key.

The gateway refuses the same requests at the account's port. Spark's S3 traffic comes straight to MiniStack, with the
account's access key; the gateway and the account's other processes prove themselves by a token.
"""

import hmac
import os
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.router import extract_access_key_id  # type: ignore[import-untyped]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

TOKEN_HEADER = "X-Orchard-Token"

MAX_OBJECT_BYTES = 5 * 2**30
"""The largest object of one PutObject, bytes: docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html."""

MAX_REQUEST_BYTES = 72 * 2**20
"""CreateFunction with a zip file of 50 MB in base64, bytes; no other API takes more.

docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


class TooLargeError(Exception):
    """The body is larger than the limit."""


class Guard:
    """ASGI middleware that checks each request, limits its body, and removes MiniStack's CORS headers."""

    def __init__(self, app: App, *, port: int, access_key_id: str, token: str) -> None:
        """Guard an app that listens on a port of loopback."""
        self.app = app
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self.access_key_id = access_key_id
        self.token = token

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or let the app answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        refusal = self.refusal(headers, query)
        if scope["type"] != "http":
            # None of the services of this account has a WebSocket.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif refusal is not None:
            await refuse(send, 403, "AccessDenied", refusal)
        else:
            await self.answer(scope, receive, send, limit=body_limit(headers, query))

    def refusal(self, headers: dict[str, str], query: str) -> str | None:
        """Return the reason to refuse a request, or None."""
        if hmac.compare_digest(headers.get(TOKEN_HEADER.lower(), "").encode(), self.token.encode()):
            return None
        if "origin" in headers or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return "The embedded account does not answer web pages."
        if headers.get("host", "").lower() not in self.hosts:
            return "The Host header names another server."
        key = extract_access_key_id(headers, urllib.parse.parse_qs(query))
        if not hmac.compare_digest(str(key).encode(), self.access_key_id.encode()):
            return "The request is not signed with the embedded account's access key."
        return None

    async def answer(self, scope: Message, receive: Receive, send: Send, *, limit: int) -> None:
        """Let the app answer, without its CORS headers and within the limit of the body, bytes."""
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise TooLargeError
            return message

        async def send_without_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if not pair[0].lower().startswith(b"access-control-")]
                message = {**message, "headers": kept}
            await send(message)

        try:
            await self.app(scope, receive_within_limit, send_without_cors)
        except TooLargeError:
            # A connection that closes while the client still sends would hide the answer from it.
            while (await receive()).get("more_body", False):
                pass
            await refuse(send, 413, "EntityTooLarge", f"The request has more than {limit} bytes.")


def body_limit(headers: dict[str, str], query: str) -> int:
    """Return the limit of a request's body, bytes; the credential scope names the service."""
    scope = headers.get("authorization", "") + urllib.parse.unquote(query)
    return MAX_OBJECT_BYTES if "/s3/aws4_request" in scope else MAX_REQUEST_BYTES


async def refuse(send: Send, status: int, code: str, message: str) -> None:
    """Send an error that S3's clients can read."""
    body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
    headers = [(b"content-type", b"application/xml")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class TokenHandler(urllib.request.BaseHandler):
    """Add the token to this process's own requests to the account, such as notifications of SNS."""

    def __init__(self, endpoint: str, token: str) -> None:
        """Remember the account's endpoint and token."""
        self.netloc = urllib.parse.urlsplit(endpoint).netloc
        self.token = token

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add the header, which a redirect would not repeat, to a request to the account."""
        if request.host == self.netloc:
            request.add_unredirected_header(TOKEN_HEADER, self.token)
        return request


def guard(app: App) -> Guard:
    """Guard MiniStack's app, with the settings of the environment; child processes do not inherit the token."""
    token = os.environ.pop("ORCHARD_TOKEN")
    handler = TokenHandler(os.environ["AWS_ENDPOINT_URL"], token)
    urllib.request.install_opener(urllib.request.build_opener(handler))
    return Guard(app, port=int(os.environ["GATEWAY_PORT"]), access_key_id=os.environ["AWS_ACCESS_KEY_ID"], token=token)
