"""Samples the processor time of a program and its descendants.

The kernel's times of ended children (getrusage) are not enough: PySpark's daemon ignores SIGCHLD, so the kernel drops
the times of its workers.
"""

import os
from pathlib import Path

from orchard.repeating import Repeater

SAMPLE_SECONDS = 1.0
TICKS = os.sysconf("SC_CLK_TCK")


class ProcessorTime(Repeater):
    """Samples the processor time of a process and its descendants during a `with` block.

    Linux only: elsewhere it finds no processes. What a process does after the last sample is missing.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(SAMPLE_SECONDS, self.sample)
        self._seconds = {pid: 0.0}

    def sample(self) -> None:
        """Record the processor time that each process has used until now."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                # The command may have spaces and brackets. proc_pid_stat(5): 4 is the parent, 14 and 15 are the times.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            found[int(folder.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS)
        # A parent usually has a smaller number than its children.
        for pid, (parent, seconds) in sorted(found.items()):
            if pid in self._seconds or parent in self._seconds:
                self._seconds[pid] = seconds

    def total(self) -> float:
        """Return the processor seconds of all processes, also of those that have ended."""
        return sum(self._seconds.values())
