"""Runs on a pack in the deployed state machine."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from orchard.pack.packing import pack
from orchard.tree import parse_tree_rules

from .account import Account

ROOT = Path(__file__).parents[2]


@pytest.mark.deep
def test_a_run_on_a_pack_ends_with_valid_results_which_the_next_one_reuses(account: Account, tmp_path: Path) -> None:
    rules: dict[str, Any] = json.loads((ROOT / "lambdas" / "contract" / "image-tree.json").read_text())
    pack(
        str(account.sample),
        str(tmp_path / "pack"),
        parse_tree_rules({"layout": "split/label", **rules}),
        lambda *_: None,
    )
    account.upload(tmp_path / "pack", "data/packed/")

    given = {"mode": "mini", "input": f"s3://{account.bucket}/data/packed/", "pca": {"components": 10}}
    execution = account.run(given)

    assert execution.status == "SUCCEEDED", execution
    run = account.download(execution.run_id, tmp_path / "run")
    paths = pq.read_table(run / "features" / "parquet").column("path").to_pylist()
    assert len(set(paths)) == 300
    assert all(str(path).startswith(f"s3://{account.bucket}/data/packed/Training/") for path in paths)
    assert json.loads((run / "features" / "summary.json").read_text())["changed"] == 0
    assert len(json.loads((run / "report" / "figures.json").read_text())["thumbnails"]["images"]) == 300

    again = account.run(given)

    assert again.status == "SUCCEEDED", again
    plan = account.json(f"runs/{again.run_id}/plan.json")
    assert plan["reuse"]["run"] == f"s3://{account.bucket}/runs/{execution.run_id}/"
    assert account.clusters(again.run_id) == []
