"""Records when a step's stages began and ended: the phases of its driver that run Spark tasks."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from orchard.io.storage import open_storage, write_json
from orchard.io.uri import join


@dataclass
class Stage:
    """A stage of a step: its times in milliseconds since 1970, and its numbers of Spark tasks and images."""

    step: str
    name: str
    started: int
    ended: int
    tasks: int
    images: int | None

    def as_json(self) -> dict[str, object]:
        """Return the stage with the names of report/figures.json's contract."""
        names = {"started": "startedAt", "ended": "endedAt"}
        return {names.get(key, key): value for key, value in asdict(self).items()}


class Stages:
    """The stages of a step so far."""

    def __init__(self, step: str) -> None:
        self.recorded: list[Stage] = []
        self._step = step

    @contextmanager
    def record(self, name: str, tasks: int, images: int | None = None) -> Iterator[Stage]:
        """Record a stage for the time of a `with` block, which may set the numbers that are not known before."""
        stage = Stage(self._step, name, _now(), 0, tasks, images)
        yield stage
        stage.ended = _now()
        self.recorded.append(stage)

    def as_json(self) -> list[dict[str, object]]:
        """Return the recorded stages."""
        return [stage.as_json() for stage in self.recorded]

    def write(self, run: str) -> None:
        """Write the stages into the folder of the run, for the figures that a later step writes."""
        uri = locate_stages(run, self._step)
        try:
            write_json(uri, self.as_json())
        # A job must not fail because its stages cannot be written.
        except Exception as error:  # noqa: BLE001
            print(f"orchard: warning: {uri} could not be written: {error}", file=sys.stderr)


def read_stages(run: str, step: str) -> list[dict[str, object]]:
    """Read the stages that an earlier step of the run has written; none if that step has not run."""
    uri = locate_stages(run, step)
    storage = open_storage(uri)
    if not storage.exists(uri):
        return []
    stages: list[dict[str, object]] = json.loads(storage.read_bytes(uri))
    return stages


def locate_stages(run: str, step: str) -> str:
    """Return the URI of the file with the stages of a step."""
    return join(run, "report", f"stages-{step}.json")


def _now() -> int:
    return round(time.time() * 1000)
