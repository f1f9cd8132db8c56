"""URIs of files and folders: `s3://<bucket>/<key>`, with the key not percent-encoded, or a local path."""

SCHEME = "s3://"


def is_s3(uri: str) -> bool:
    """Return whether `uri` names an S3 object or prefix."""
    return uri.startswith(SCHEME)


def join(folder: str, *names: str) -> str:
    """Append names to the URI of a folder, separated by slashes. An empty last name gives the folder's prefix."""
    return "/".join([folder.rstrip("/"), *names])


def split_s3(uri: str) -> tuple[str, str]:
    """Split an S3 URI into bucket and key."""
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    return bucket, key


def to_s3(bucket: str, key: str) -> str:
    """Return the URI of an S3 object."""
    return f"{SCHEME}{bucket}/{key}"


def to_arrow_path(uri: str) -> str:
    """Return the path that pyarrow's file systems expect: `<bucket>/<key>`, or the local path itself."""
    return uri.removeprefix(SCHEME)
