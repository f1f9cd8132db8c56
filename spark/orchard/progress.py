"""Writes progress.json about once a second while a job runs."""

import json
import sys
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from pyspark import Accumulator, SparkContext

from orchard.errors import JobError
from orchard.io.storage import open_storage
from orchard.repeating import Repeater
from orchard.report.stages import Stages

INTERVAL_SECONDS = 1.0

State = Literal["RUNNING", "SUCCEEDED", "FAILED"]


class Progress:
    """Counts images, and writes the counts to `uri` during a `with` block. Its end writes SUCCEEDED or FAILED.

    Tasks add to the accumulators `done` and `errors`. A task that runs twice counts twice, so the written `done` is
    limited to `total`. Jobs record their stages in `stages`.
    """

    def __init__(self, context: SparkContext, uri: str, run_id: str, step: str, plan: str = "") -> None:
        self.done: Accumulator[int] = context.accumulator(0)
        self.errors: Accumulator[int] = context.accumulator(0)
        self.total = 0
        self.stages = Stages(step)
        self._uri = uri
        self._run_id = run_id
        self._step = step
        self._plan = plan
        self._started = time.monotonic()
        self._repeater = Repeater(INTERVAL_SECONDS, lambda: self._write("RUNNING"))

    def begin(self, total: int) -> None:
        """Set the number of images, and start measuring the rate."""
        self.total = total
        self._started = time.monotonic()

    def __enter__(self) -> "Progress":
        self._write("RUNNING")
        self._repeater.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._repeater.stop()
        self._write("SUCCEEDED" if error is None else "FAILED")

    def document(self, state: State) -> dict[str, object]:
        """Return the content of progress.json."""
        done = min(self.done.value, self.total) if self.total else self.done.value
        seconds = time.monotonic() - self._started
        rate = done / seconds if seconds > 0 else 0.0
        left = (self.total - done) / rate if rate > 0 and self.total else None
        return {
            "runId": self._run_id,
            "step": self._step,
            "plan": self._plan,
            "state": state,
            "done": done,
            "total": self.total,
            "unit": "images",
            "errors": self.errors.value,
            "ratePerSecond": round(rate, 2),
            "secondsLeft": None if left is None else round(left, 1),
            "updatedAt": datetime.now(UTC).isoformat(),
        }

    def is_done(self) -> bool:
        """Return whether the same step of the same plan was the last one of the run, and has succeeded.

        Step Functions may add a step twice: its integration gives all errors of EMR the same name, and the state's
        Retry matches this name. A DescribeStep that is throttled after the step was added is therefore retried, too
        (docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html). The cluster runs one step at a time, so the
        first step has ended when the second one starts.
        """
        try:
            found = json.loads(open_storage(self._uri).read_bytes(self._uri))
        except JobError:
            return False  # the run's first step finds no report
        # A job must not fail because its progress cannot be read: it runs again.
        except Exception as error:  # noqa: BLE001
            print(f"orchard: warning: {self._uri} could not be read: {error}", file=sys.stderr)
            return False
        wanted = {"state": "SUCCEEDED", "step": self._step, "runId": self._run_id, "plan": self._plan}
        return self._plan != "" and wanted == {key: found.get(key) for key in wanted}

    def _write(self, state: State) -> None:
        content = json.dumps(self.document(state)).encode()
        try:
            open_storage(self._uri).write_bytes(self._uri, content)
        # A job must not fail because its progress cannot be written.
        except Exception as error:  # noqa: BLE001
            print(f"orchard: warning: {self._uri} could not be written: {error}", file=sys.stderr)
