"""Formats numbers for messages."""


def plural(count: int, noun: str) -> str:
    """Format a count with its noun: `1 image`, `2 images`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
