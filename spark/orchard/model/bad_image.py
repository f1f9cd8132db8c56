"""The error of an image that cannot be used."""

TRUNCATED = "truncated image"
DAMAGED = "damaged image"


class BadImageError(Exception):
    """An image is unusable. The message is a short reason, the same for all images with the same kind of fault."""


class RunDependentError(BadImageError):
    """An image is unusable in this run for a reason that depends on more than the file's bytes."""


class TooManyPixelsError(RunDependentError):
    """An image is larger than this run decodes."""
