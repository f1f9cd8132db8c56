"""Measures other implementations: Daft, and a typical Spark job."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.spark import ROOT, submit

REQUIREMENTS = ROOT / "bench" / "requirements.txt"


def daft_python(folder: Path) -> Path:
    """Return the Python that has Daft, creating its environment whenever bench/requirements.txt has changed."""
    python, stamp = folder / "bin" / "python", folder / ".stamp"
    expected = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == expected:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    uv = ROOT / ".orchard" / "uv" / "bin" / "uv"
    command = [str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(REQUIREMENTS)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    stamp.write_text(expected)
    return python


def daft(python: Path, model: Path, images: Sequence[Path], work: Path) -> float:
    """Return the seconds of the whole Daft process.

    Raises:
        RuntimeError: It failed; the message has the end of its stderr.
    """
    files, output = work / "daft.txt", work / "daft"
    files.write_text("\n".join(str(path) for path in images))
    shutil.rmtree(output, ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "spark"), "DAFT_PROGRESS_BAR": "0", "DO_NOT_TRACK": "true"}
    command = [str(python), str(ROOT / "bench" / "daft_job.py"), str(model), str(files), str(output)]
    started = time.monotonic()
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"Daft failed:\n{done.stderr[-4000:]}")
    return time.monotonic() - started


def reference(images: Sequence[Path], work: Path) -> float:
    """Return the seconds of the reference job, without the start of its session."""
    files, answer = work / "reference.txt", work / "reference.json"
    files.write_text("\n".join(str(path) for path in images))
    submit(work, ROOT / "bench" / "reference_job.py", str(files), str(answer))
    seconds: float = json.loads(answer.read_text())["seconds"]
    return seconds
