"""Start MiniStack so that its state survives a SIGKILL of the account.

MiniStack by itself saves its state only on a graceful shutdown; here, a line "save" on standard input saves it, too.
The account starts empty if a saved stack can no longer be updated, because its change was interrupted or its creation
was rolled back. This includes the buckets, which would otherwise conflict with those of the next stack.
"""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

from ministack import app  # type: ignore[import-untyped]
from ministack.core import persistence  # type: ignore[import-untyped]


def is_updatable(status: str) -> bool:
    """Tell whether a stack of this status can be updated."""
    return status.endswith("_COMPLETE") and status != "ROLLBACK_COMPLETE"


def reset_after_unfinished_stacks(state: Path, objects: Path) -> None:
    """Delete the saved state and the S3 objects when a saved stack cannot be updated."""
    saved = state / "cloudformation.json"
    if not saved.exists():
        return
    stacks = json.loads(saved.read_text())["payload"]["stacks"]["data"].values()
    if not all(is_updatable(stack["StackStatus"]) for stack in stacks):
        print("A stack can be neither updated nor deleted: the account starts empty.", flush=True)
        shutil.rmtree(state)
        shutil.rmtree(objects, ignore_errors=True)


def dump_at_once(document: object, file: TextIO, default: Callable[[object], object]) -> None:
    """Write JSON with the encoder in C, which json.dump does not use: a save takes 60 ms instead of 90."""
    file.write(json.dumps(document, default=default))


def save_on_request() -> None:
    """Save the state of all services for every line "save"; stop MiniStack when standard input closes."""
    for line in sys.stdin:
        if line.strip() == "save":
            persistence.save_all(app._build_persistence_save_dict())
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    reset_after_unfinished_stacks(Path(os.environ["STATE_DIR"]), Path(os.environ["S3_DATA_DIR"]))
    # Import late: a service reads its saved state when it is imported.
    from ministack_additions import add_all
    from ministack_guard import guard

    add_all()
    persistence.json = SimpleNamespace(**{**vars(json), "dump": dump_at_once})
    app.app = guard(app.app)
    threading.Thread(target=save_on_request, daemon=True).start()
    app.main()
