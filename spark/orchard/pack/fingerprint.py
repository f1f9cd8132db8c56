"""The fingerprint of a selection from a pack, by its manifest."""

from typing import Any

from orchard.errors import JobError
from orchard.fingerprint import add_up, format_fingerprint
from orchard.io.uri import join
from orchard.plan import Plan


def fingerprint_selection(plan: Plan, manifest: dict[str, Any], counts: dict[tuple[str, str], tuple[int, int]]) -> str:
    """Return the fingerprint of the plan's selection, as Preflight computes it (lambdas/preflight/packed-tree.ts).

    It is the sum of the selected groups' fingerprints and of one more image: the tree itself, with the limit as its
    etag. Preflight can compute this sum without reading the paths of the selected images.

    Args:
        plan: The plan.
        manifest: The content of pack.json.
        counts: The number of images and bytes of each split and label in the shards, for the plan's splits.

    Raises:
        JobError: The shards have other images than the manifest says.
    """
    used = [group for group in manifest["groups"] if plan.splits is None or group["split"] in plan.splits]
    if counts != {(group["split"], group["label"]): (group["images"], group["bytes"]) for group in used}:
        raise JobError(
            f"{plan.image_tree} has other images than its pack.json says: it was packed again during the step, or a "
            "file of it was changed. Start again; if it stays so, pack again"
        )
    wanted = [group for group in used if plan.selection_rule.selects(group["label"])]
    limit = plan.selection_rule.limit
    is_cut = limit is not None and limit < sum(group["images"] for group in wanted)
    total = add_up([(join(plan.image_tree, ""), str(limit) if is_cut else "")])
    return format_fingerprint(total + sum(int(group["fingerprint"], 16) for group in wanted))
