"""MiniStack, started so that it survives being killed.

It saves its state only on a graceful shutdown: here also when a line "save" arrives on standard input, so that a
killed account finds its stacks again. A stack whose change was cut short would be IN_PROGRESS for ever, one that was
rolled back cannot be deleted, and buckets of a forgotten stack would be in the way of the next: with such a stack the
account starts empty.
"""

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from ministack import app  # type: ignore[import-untyped]
from ministack.core.persistence import save_all  # type: ignore[import-untyped]


def is_usable(status: str) -> bool:
    """Tell whether a stack of this status can be updated."""
    return status.endswith("_COMPLETE") and status != "ROLLBACK_COMPLETE"


def forget_unfinished_stacks(state: Path, objects: Path) -> None:
    """Delete the saved state and the S3 objects when a saved stack can be neither updated nor deleted."""
    saved = state / "cloudformation.json"
    if not saved.exists():
        return
    stacks = json.loads(saved.read_text())["payload"]["stacks"]["data"].values()
    if not all(is_usable(stack["StackStatus"]) for stack in stacks):
        print("A stack can be neither updated nor deleted: the account starts empty.", flush=True)
        shutil.rmtree(state)
        shutil.rmtree(objects, ignore_errors=True)


def save_on_request() -> None:
    """Save the state of all services for every line "save"; stop when whoever sends them is gone."""
    for line in sys.stdin:
        if line.strip() == "save":
            save_all(app._build_persistence_save_dict())
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    forget_unfinished_stacks(Path(os.environ["STATE_DIR"]), Path(os.environ["S3_DATA_DIR"]))
    # A service reads what was saved of it when it is imported.
    from ministack_additions import add_all

    add_all()
    threading.Thread(target=save_on_request, daemon=True).start()
    app.main()
