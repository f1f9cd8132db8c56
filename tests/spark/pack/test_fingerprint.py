"""The fingerprint of selections from packs, which tests/lambdas/preflight/packed-tree.test.ts also computes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from orchard.errors import JobError
from orchard.pack.fingerprint import fingerprint_selection
from orchard.plan import Plan, read_plan
from orchard.selection import SelectionRule

from ..runs import ROOT, write_plan

EXAMPLES: dict[str, Any] = json.loads((ROOT / "tests" / "packed-selections.json").read_text())


def make_plan(folder: Path, example: dict[str, Any]) -> Plan:
    """Return the plan of an example."""
    rule = SelectionRule(example["labelPrefix"], None, example["limit"])
    splits = None if example["splits"] is None else tuple(example["splits"])
    plan = read_plan(str(write_plan(folder / "run", folder)))
    return replace(plan, image_tree=EXAMPLES["tree"].rstrip("/"), splits=splits, selection_rule=rule, packed=True)


def count(plan: Plan) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the shards' images and bytes by split and label, for the plan's splits."""
    return {
        (group["split"], group["label"]): (group["images"], group["bytes"])
        for group in EXAMPLES["groups"]
        if plan.splits is None or group["split"] in plan.splits
    }


@pytest.mark.parametrize("example", EXAMPLES["selections"], ids=str)
def test_a_selection_has_the_fingerprint_that_preflight_computes(tmp_path: Path, example: dict[str, Any]) -> None:
    plan = make_plan(tmp_path, example)

    assert fingerprint_selection(plan, EXAMPLES, count(plan)) == example["fingerprint"]


def test_shards_with_other_images_than_the_manifest_says_are_refused(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, EXAMPLES["selections"][0])
    counts = {**count(plan), ("Training", "Apple"): (1, 10)}

    with pytest.raises(JobError, match=r"other images than its pack\.json says: it was packed again during the step"):
        fingerprint_selection(plan, EXAMPLES, counts)
