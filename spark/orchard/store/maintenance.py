"""Keeps a store quick to read, at the end of each features step."""

import sys
from collections.abc import Iterable

from pyspark import SparkContext

from orchard.errors import JobError, find_root_cause
from orchard.formatting import plural
from orchard.store.compaction import compact, delete_unneeded, expire
from orchard.store.indexing import find_new_uses, update_index
from orchard.store.records import Record, name_record, now, read_contents, write_record


def maintain(context: SparkContext, uri: str, run_id: str, used: Iterable[str]) -> None:
    """Index the store's new files, merge small ones, and delete files that no run needs.

    An error is only printed: the store stays as it was, and the next run tries again.

    Args:
        context: The Spark context.
        uri: The folder of the store.
        run_id: The run that has just written its files.
        used: The names of the files that the run has taken rows from.
    """
    try:
        contents = read_contents(uri)
        if update_index(context, contents, run_id, used):
            contents = read_contents(uri)
        if expire(contents, run_id):
            contents = read_contents(uri)
        compact(context, contents, run_id)
        delete_unneeded(contents)
    # The results of the run are complete without maintenance.
    except Exception as error:  # noqa: BLE001
        print(f"orchard: warning: {uri} could not be maintained: {find_root_cause(error)}", file=sys.stderr)


def record_use(uri: str, run_id: str, used: Iterable[str]) -> None:
    """Record that a run refers to files of the store, which keeps them from expiring. If this fails, the run fails.

    Args:
        uri: The folder of the store.
        run_id: The run.
        used: The names of the files.

    Raises:
        JobError: The store has already lost some of the files.
    """
    contents = read_contents(uri)
    if missing := sorted(set(used) - contents.places.keys()):
        files = plural(len(missing), "file")
        raise JobError(f"{uri} has lost {files} during the run, such as {missing[0]}; start again")
    if new := find_new_uses(contents, used):
        at = now()
        write_record(uri, name_record(run_id), Record(at, used=dict.fromkeys(new, at)))
