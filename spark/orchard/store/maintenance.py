"""Keeps a store quick to read, at the end of each features step."""

import sys
from collections.abc import Iterable

from pyspark import SparkContext

from orchard.errors import find_root_cause
from orchard.store.indexing import update_index
from orchard.store.records import read_contents


def maintain(context: SparkContext, uri: str, run_id: str, used: Iterable[str]) -> None:
    """Index the store's new files. An error is only printed: the store stays as it was, and the next run tries again.

    Args:
        context: The Spark context.
        uri: The folder of the store.
        run_id: The run that has just written its files.
        used: The names of the files that the run has taken rows from.
    """
    try:
        update_index(context, read_contents(uri), run_id, used)
    # The results of the run are complete without it.
    except Exception as error:  # noqa: BLE001
        print(f"orchard: warning: the index of {uri} could not be written: {find_root_cause(error)}", file=sys.stderr)
