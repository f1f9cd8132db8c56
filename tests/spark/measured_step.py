"""Runs main.py with the given arguments, and prints the largest memory in MiB of the driver and of a Python worker."""

import json
import os
import sys
from pathlib import Path

import main


def peak_mib(process: str) -> float:
    """Return the largest resident memory that a process has had."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def workers() -> list[str]:
    """Return the ids of the Python workers of this process's JVM."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[folder.name] = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue  # it has ended
    own = {str(os.getpid())}
    while more := {name for name, parent in parents.items() if parent in own} - own:
        own |= more
    return [name for name in own if b"pyspark.daemon" in Path(f"/proc/{name}/cmdline").read_bytes()]


if __name__ == "__main__":
    code = main.main(sys.argv[1:])
    print(json.dumps({"driver": peak_mib("self"), "worker": max(map(peak_mib, workers()), default=0.0)}), flush=True)
    sys.exit(code)
