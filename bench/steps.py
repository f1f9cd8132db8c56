"""Measures the project's own steps on local files."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.spark import ROOT, Run, submit


def features(model: Path, images: Sequence[Path], work: Path, master: str = "local[*]") -> Run:
    """Run the features step with all its outputs, on a selection that is written here instead of by the inventory.

    Raises:
        RuntimeError: An image is missing from the results.
    """
    run = work / "run"
    shutil.rmtree(run, ignore_errors=True)
    selection = run / "inventory" / "selection"
    selection.mkdir(parents=True)
    count = len(images)
    status = [path.stat() for path in images]
    labels = [path.parent.name for path in images]
    sizes = [found.st_size for found in status]
    table = {
        "path": [str(path) for path in images],
        "label": labels,
        "size": sizes,
        "mtime": pa.array([found.st_mtime_ns // 1000 for found in status], pa.timestamp("us", "UTC")),
        "etag": [f"{found.st_mtime_ns:x}-{found.st_size:x}" for found in status],
    }
    pq.write_table(pa.table(table), selection / "part-0.parquet")
    selected = {"images": count, "labels": len(set(labels)), "bytes": sum(sizes)}
    (run / "inventory" / "summary.json").write_text(json.dumps({**selected, "selected": selected}))
    plan = write_plan(model, f"{images[0].parents[2]}/", run)
    done = submit(work, ROOT / "spark" / "main.py", "features", "--plan", str(plan), master=master)
    summary = json.loads((run / "features" / "summary.json").read_text())
    if (summary["images"], summary["errors"]) != (count, 0):
        raise RuntimeError(f"of {count} images, {summary['images']} have features and {summary['errors']} are errors")
    return done


def reduction(work: Path) -> Run:
    """Run the reduction step on the features of the last call of `features`."""
    return submit(work, ROOT / "spark" / "main.py", "reduction", "--plan", str(work / "run" / "plan.json"))


def inventory(model: Path, image_tree: Path, work: Path) -> Run:
    """Run the inventory step on an image tree <split>/<label>/<file>."""
    run = work / "inventory-run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    return submit(
        work, ROOT / "spark" / "main.py", "inventory", "--plan", str(write_plan(model, f"{image_tree}/", run))
    )


def write_plan(model: Path, image_tree: str, run: Path, **changes: object) -> Path:
    """Write a plan of all images of a tree, without a store; `changes` replace its keys."""
    info = json.loads((model / "model.json").read_text())
    keys = ("sha256", "weights", "inputSize", "dimensions")
    rules = json.loads((ROOT / "lambdas" / "contract" / "image-tree.json").read_text())
    document = {
        "runId": "bench",
        "bucket": "",
        "input": image_tree,
        "run": f"{run}/",
        "splits": None,
        "tree": {"layout": "split/label", **rules},
        "selectionRule": {"labelPrefix": None, "label": None, "limit": None},
        "pca": {"components": 50},
        "formats": ["parquet", "csv"],
        "force": True,
        "quality": {"maxErrorRate": 0.01, "minVariance": None},
        "model": {"key": str(model / "model.tflite"), **{key: info[key] for key in keys}},
        **changes,
    }
    path = run / "plan.json"
    path.write_text(json.dumps(document))
    return path
