"""Runs spark-submit on all cores and measures its time, its phases and the memory of its processes."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchard.repeating import Repeater

from bench.processor_time import ProcessorTime

ROOT = Path(__file__).parents[1]
# Listing all processes takes CPU time from the job that is measured.
SAMPLE_SECONDS = 3.0


@dataclass(frozen=True)
class Run:
    """The measurements of one spark-submit.

    `processor_seconds` is the CPU time of all its processes: other load on the machine changes it less than `seconds`.
    `phases` are in order and add up to `seconds`. Memory is the largest sampled resident set in MiB: a process that
    ended before the first sample counts 0, or is missing from `workers_mb`.
    """

    seconds: float
    processor_seconds: float
    phases: list[dict[str, object]]
    jvm_mb: float
    driver_mb: float
    workers_mb: list[float] = field(default_factory=list)

    def in_jobs(self) -> float:
        """Return the seconds of Spark's jobs."""
        return sum(float(str(phase["seconds"])) for phase in self.phases if str(phase["name"]).startswith("job: "))

    def overhead(self) -> float:
        """Return the seconds outside Spark jobs: starting the session, listing, writing and stopping."""
        return round(self.seconds - self.in_jobs(), 2)

    def as_json(self) -> dict[str, object]:
        """Return the measurements for the JSON output, rounded to 10 ms."""
        return {
            "seconds": round(self.seconds, 2),
            "processorSeconds": round(self.processor_seconds, 2),
            "phases": self.phases,
            "peakMb": {"jvm": self.jvm_mb, "pythonDriver": self.driver_mb, "pythonWorkers": self.workers_mb},
        }


def submit(
    work: Path,
    script: Path,
    *arguments: str,
    settings: Sequence[str] = (),
    master: str = "local[*]",
    variables: Mapping[str, str] | None = None,
) -> Run:
    """Run `script` with spark-submit until it ends; `variables` are added to its environment.

    Raises:
        RuntimeError: The script failed; the message has the last lines of its log.
    """
    events = work / "events"
    events.mkdir(parents=True, exist_ok=True)
    for old in events.iterdir():
        old.unlink()
    fixed = (
        "spark.log.level=ERROR",
        "spark.eventLog.enabled=true",
        f"spark.eventLog.dir={events.as_uri()}",
        f"spark.local.dir={work}",
    )
    command = [str(Path(os.environ["SPARK_HOME"], "bin", "spark-submit")), "--master", master]
    command += ["--driver-memory", "4g", "--properties-file", os.environ["SPARK_DEFAULTS"]]
    for setting in (*fixed, *settings):
        command += ["--conf", setting]
    command += [str(script), *arguments]
    log = work / "spark.log"
    environment = {**os.environ, **(variables or {}), "PYTHONPATH": os.pathsep.join([str(ROOT / "spark"), str(ROOT)])}
    started, started_at = time.monotonic(), time.time()
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, cwd=work, stdout=output, stderr=subprocess.STDOUT)
        with Memory(process.pid) as memory, ProcessorTime(process.pid) as processors:
            code = process.wait()
    seconds = time.monotonic() - started
    if code != 0:
        raise RuntimeError(f"{script.name} {' '.join(arguments)} failed:\n{log.read_text()[-4000:]}")
    return Run(
        seconds,
        processors.total(),
        _phases(events, started_at, seconds),
        memory.jvm(),
        memory.driver(),
        memory.workers(),
    )


def _phases(events: Path, started_at: float, seconds: float) -> list[dict[str, object]]:
    """Read the phases from Spark's event log: session start, each job by its call site, the gaps, and the end."""
    begun: dict[int, tuple[float, str]] = {}
    spans: list[tuple[float, float, str]] = []
    (log,) = events.iterdir()
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerJobStart":
            names = [stage["Stage Name"] for stage in event["Stage Infos"]]
            begun[event["Job ID"]] = (event["Submission Time"] / 1000 - started_at, names[-1].split(" at ")[0])
        elif event["Event"] == "SparkListenerJobEnd":
            start, name = begun[event["Job ID"]]
            spans.append((start, event["Completion Time"] / 1000 - started_at, name))
    phases: list[dict[str, object]] = []
    at = 0.0
    for start, end, name in sorted(spans):
        if start - at > 0.05:
            phases.append({"name": "between jobs" if phases else "session start", "seconds": round(start - at, 2)})
        phases.append({"name": f"job: {name}", "seconds": round(end - max(at, start), 2)})
        at = max(at, end)
    return [*phases, {"name": "end", "seconds": round(seconds - at, 2)}]


class Memory(Repeater):
    """Samples the resident memory of a process and its descendants every SAMPLE_SECONDS during a `with` block."""

    def __init__(self, pid: int) -> None:
        super().__init__(SAMPLE_SECONDS, self.sample)
        self._root = pid
        self._peaks: dict[int, tuple[int, str, int]] = {}  # pid: parent, command, KiB

    def sample(self) -> None:
        """Record the resident memory that each process has now."""
        ps = ["ps", "-A", "-o", "pid=,ppid=,rss=,comm="]
        listing = subprocess.run(ps, check=True, capture_output=True, text=True)
        processes = {}
        for line in listing.stdout.splitlines():
            number, parent_number, resident, name = line.split(None, 3)
            processes[int(number)] = (int(parent_number), Path(name).name, int(resident))
        descendants = {self._root}
        for _ in range(6):  # spark-submit, JVM, driver, daemon and worker are five generations
            descendants |= {pid for pid, (parent, _, _) in processes.items() if parent in descendants}
        for pid in descendants & processes.keys():
            parent, command, kib = processes[pid]
            self._peaks[pid] = (parent, command, max(kib, self._peaks.get(pid, (0, "", 0))[2]))

    def jvm(self) -> float:
        """Return the peak of the driver's JVM in MiB."""
        return max((kib for _, command, kib in self._peaks.values() if command == "java"), default=0) // 1024

    def _daemons(self) -> set[int]:
        """Return the Python processes that have Python children: pyspark.daemon."""
        python = {pid for pid, (_, command, _) in self._peaks.items() if command.startswith("python")}
        return {self._peaks[pid][0] for pid in python} & python

    def driver(self) -> float:
        """Return the peak of the driver's Python process in MiB."""
        daemons = self._daemons()
        plain = [
            kib
            for pid, (parent, command, kib) in self._peaks.items()
            if command.startswith("python") and parent not in daemons and pid not in daemons
        ]
        return max(plain, default=0) // 1024

    def workers(self) -> list[float]:
        """Return the peak of each Python worker in MiB, which includes the pages that it shares with the daemon."""
        daemons = self._daemons()
        return sorted((kib // 1024 for parent, _, kib in self._peaks.values() if parent in daemons), reverse=True)
