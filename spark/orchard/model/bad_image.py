"""The error of an image that cannot be used."""

TRUNCATED = "truncated image"
DAMAGED = "damaged image"


class BadImageError(Exception):
    """An image is unusable. The message is a short reason, the same for all images with the same kind of fault."""


class TooManyPixelsError(BadImageError):
    """An image is larger than this run decodes."""
