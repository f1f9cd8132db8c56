import subprocess
import sys

from bench.spark import Memory

# Starts another Python process, as pyspark.daemon starts workers. Both end when stdin closes.
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]])
"""
WORKER = "print('ready', flush=True); import sys; sys.stdin.read()"


def test_a_sample_has_the_memory_of_each_python_worker() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        memory = Memory(process.pid)

        memory.sample()

        process.communicate()
    assert len(memory.workers()) == 1
    assert memory.workers()[0] > 1


def test_processes_without_a_sample_have_no_memory() -> None:
    memory = Memory(1)

    assert (memory.jvm(), memory.driver(), memory.workers()) == (0, 0, [])
