"""Finds and signals the processes of a step's containers, by Linux's /proc."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from tests.e2e.processes import find

WAIT_SECONDS = 300

T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """Call `look` until it returns something.

    Raises:
        AssertionError: It has returned nothing for five minutes.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: nothing after {WAIT_SECONDS} s")


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to processes. Some of them may have ended."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def find_workers(folder: Path) -> list[int]:
    """List the Python workers, and the daemons that have forked them, of all executors below a folder."""
    return [pid for pid, command in find(folder).items() if "pyspark.daemon" in command]


def peak_mib(pid: int) -> float:
    """Return the largest resident memory that a process has had; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


class Containers:
    """The containers of an application on the nodes below a cluster's folder."""

    def __init__(self, folder: Path, application: str) -> None:
        self._folder = folder
        self._prefix = application.replace("application_", "container_") + "_"

    def processes(self) -> dict[int, tuple[str, str]]:
        """Return the container and the command line of each process, by its id."""
        found = {}
        for pid, command in find(self._folder).items():
            container = container_of(pid)
            if container.startswith(self._prefix):
                found[pid] = (container, command)
        return found

    def executors(self) -> dict[str, int]:
        """Return the process ids of the executors' JVMs, by container."""
        return self._jvms("YarnCoarseGrainedExecutorBackend")

    def driver(self) -> int:
        """Return the process id of the driver's JVM."""
        [pid] = self._jvms("yarn.ApplicationMaster").values()
        return pid

    def _jvms(self, name: str) -> dict[str, int]:
        return {
            container: pid
            for pid, (container, command) in self.processes().items()
            if name in command and not command.startswith("/bin/bash")
        }

    def workers(self, container: str) -> list[int]:
        """List the Python workers of an executor, without the daemon that has forked them."""
        python = {
            pid
            for pid, (found, command) in self.processes().items()
            if found == container and "pyspark.daemon" in command
        }
        return sorted(pid for pid in python if _parent(pid) in python)


def container_of(pid: int) -> str:
    """Return the container of a process, which its environment names; empty if it has none."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""  # it has ended meanwhile
    found = [
        value for name, _, value in (variable.partition(b"=") for variable in variables) if name == b"CONTAINER_ID"
    ]
    return found[0].decode() if found else ""


def node_of(pid: int) -> str:
    """Return the name of the folder of a container's node, such as core-1, by the container's folder."""
    [name] = [part for part in Path(f"/proc/{pid}/cwd").readlink().parts if part.startswith("core-")]
    return name


def node_manager(folder: Path) -> int:
    """Return the process id of the NodeManager of the node in a folder."""
    commands = {pid: command.split() for pid, command in find(folder).items()}
    [pid] = [
        pid for pid, words in commands.items() if words[0].endswith("/java") and words[-1].endswith(".NodeManager")
    ]
    return pid


def end_node(folder: Path) -> None:
    """Kill the node in a folder: its NodeManager, and everything in its session, such as its containers."""
    session = os.getsid(node_manager(folder))
    send(signal.SIGKILL, [pid for pid in find(folder) if _session(pid) == session])


def talks_to_storage(worker: int) -> bool:
    """Return whether a Python worker has other connections than to its JVM. It then has its model, and reads images."""
    try:
        links = {link.readlink().name for link in Path(f"/proc/{worker}/fd").iterdir()}
    except OSError:
        return False  # it has ended meanwhile
    return sum(link.startswith("socket:") for link in links) > 1


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it has ended meanwhile


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0  # it has ended meanwhile
