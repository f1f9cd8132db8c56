"""Measures Preflight and the inventory on keys that a local S3 endpoint computes, in pages of 1,000 as S3 has them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.spark import ROOT, submit
from bench.steps import write_plan

# S3 answers a LIST in 50 ms at best, and usually in 100.
LATENCY_MS = 50
LABELS = 131
TREE = "s3://bucket/data/raw/"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}


@contextmanager
def endpoint(images: int) -> Iterator[str]:
    """Yield the URL of an endpoint with this many images, in a process of its own."""
    script = ROOT / "tests" / "doubles" / "synthetic-s3.ts"
    options = ["--images", str(images), "--labels", str(LABELS), "--latency", str(LATENCY_MS)]
    command = ["node", str(script), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.communicate()


def preflight(images: int) -> dict[str, object]:
    """List and count the images as the function Preflight does; bench/scale/preflight.ts describes the result."""
    with endpoint(images) as url:
        command = ["node", str(ROOT / "bench" / "scale" / "preflight.ts"), url]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, object] = json.loads(done.stdout)
    return {"latencyMs": LATENCY_MS, **found}


def inventory(model: Path, images: int, work: Path) -> dict[str, object]:
    """Run the inventory step on keys in S3, with results on the local disk.

    Raises:
        RuntimeError: The step failed, or its counts are wrong.
    """
    run = work / "keys-run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    plan = write_plan(model, TREE, run, splits=["Training"])
    with endpoint(images) as url:
        variables = {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_S3": url}
        done = submit(work, ROOT / "spark" / "main.py", "inventory", "--plan", str(plan), variables=variables)
    found = json.loads((run / "inventory" / "summary.json").read_text())["images"]
    if found != images:
        raise RuntimeError(f"the inventory found {found} of {images} images")
    return {"images": images, "latencyMs": LATENCY_MS, "secondsInJobs": round(done.in_jobs(), 2), **done.as_json()}
