"""How the jobs write their results."""

import json

from pyspark.sql import DataFrame

from orchard import storage


def write_parquet(frame: DataFrame, uri: str) -> None:
    """Writes Parquet; a repeated step replaces what it wrote before."""
    frame.write.mode("overwrite").parquet(uri)


def write_csv(frame: DataFrame, uri: str) -> None:
    """Writes CSV with a header, as RFC 4180 has it: a quote inside quotes is doubled."""
    # Spark would trim spaces around values, which are part of a key.
    frame.write.mode("overwrite").option("timestampFormat", "yyyy-MM-dd'T'HH:mm:ss'Z'").csv(
        uri,
        header=True,
        quote='"',
        escape='"',
        ignoreLeadingWhiteSpace=False,
        ignoreTrailingWhiteSpace=False,
        emptyValue="",
    )


def write_json(document: object, uri: str) -> None:
    """Writes one JSON file."""
    storage.write_bytes(uri, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())
