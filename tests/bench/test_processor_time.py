import subprocess
import sys

import pytest

from bench.processor_time import ProcessorTime

# Starts a process that uses a fifth of a second, and never awaits it, as PySpark's daemon does.
WORK = "import sys, time\nwhile time.process_time() < 0.2: pass\nprint('done', flush=True)\nsys.stdin.read()"
PARENT = f"""
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", {WORK!r}])
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_time_of_a_process_that_nobody_awaits_counts() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        time = ProcessorTime(process.pid)

        time.sample()

        process.communicate()
    assert time.total() >= 0.2
