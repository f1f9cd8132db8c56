"""What others do: Daft, and a Spark job as usually written."""

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
    """The Python that has Daft; the environment is made on first use and whenever bench/requirements.txt changes."""
    python, stamp = folder / "bin" / "python", folder / ".stamp"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    uv = ROOT / ".orchard" / "uv" / "bin" / "uv"
    command = [str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(REQUIREMENTS)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    stamp.write_text(wanted)
    return python


def daft(python: Path, model: Path, images: Sequence[Path], work: Path) -> float:
    """Seconds of the whole process."""
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
    """Seconds of the reference job, without its session's start."""
    files, answer = work / "reference.txt", work / "reference.json"
    files.write_text("\n".join(str(path) for path in images))
    submit(work, ROOT / "bench" / "reference_job.py", str(files), str(answer))
    seconds: float = json.loads(answer.read_text())["seconds"]
    return seconds
