"""Measures the reduction of many rows. Hard links let the same Parquet files count several times."""

import json
import os
import shutil
from pathlib import Path

from bench import pca
from bench.spark import ROOT, submit
from bench.steps import write_plan

DIMENSIONS = 1280


def reduction(home: Path, model: Path, rows: int, different: int, work: Path) -> dict[str, object]:
    """Run the reduction step on `rows` rows of 1,280 numbers. Only `different` rows of them are on the disk."""
    source = pca.generate(home, different, DIMENSIONS)
    run = work / "rows-run"
    folder = run / "features" / "parquet"
    shutil.rmtree(run, ignore_errors=True)
    folder.mkdir(parents=True)
    copies = max(1, rows // different)
    for copy in range(copies):
        for file in source.iterdir():
            os.link(file, folder / f"{copy:03}-{file.name}")
    found = different * copies
    (run / "features" / "summary.json").write_text(json.dumps({"images": found, "errors": 0}))
    plan = write_plan(model, "/images/", run, formats=["parquet"])
    done = submit(work, ROOT / "spark" / "main.py", "reduction", "--plan", str(plan))
    return {"rows": found, "differentRows": different, **done.as_json()}
