"""Refuses every connection of a checker: it judges files, and must neither look up versions nor report usage."""

import sys

NETWORK_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})


def _refuse(event: str, _args: object) -> None:
    if event in NETWORK_EVENTS:
        raise ConnectionError(f"{event}: a checker works without a network")


def seal() -> None:
    """Makes every later connection and name lookup of this process raise ConnectionError.

    The events are those of https://docs.python.org/3/library/audit_events.html.
    """
    sys.addaudithook(_refuse)
