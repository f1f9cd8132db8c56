"""Reads plan.json, in which Preflight has written the parameters of a run."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchard.errors import JobError
from orchard.io.storage import open_storage
from orchard.io.uri import SCHEME, is_s3
from orchard.model.limits import MAX_PIXELS
from orchard.selection import SelectionRule
from orchard.tree import TreeRules, parse_tree_rules


@dataclass(frozen=True)
class Components:
    """The number of principal components: exactly `count`, or the fewest that keep `variance` (0 < variance <= 1)."""

    count: int | None = None
    variance: float | None = None

    def __post_init__(self) -> None:
        if (self.count is None) == (self.variance is None):
            raise JobError("pca needs either components or variance")
        if self.count is not None and self.count < 1:
            raise JobError(f"pca components is {self.count}; at least 1 is needed")
        if self.variance is not None and not 0 < self.variance <= 1:
            raise JobError(f"pca variance is {self.variance}; it must be above 0 and at most 1")


@dataclass(frozen=True)
class Model:
    """The model artifact at `uri`. lambdas/contract/model.ts defines its format and input."""

    uri: str
    name: str
    sha256: str
    weights: str
    input_size: int
    dimensions: int
    format: str
    preprocessing: str
    layout: str


@dataclass(frozen=True)
class Plan:
    """The part of the plan that the jobs use. `image_tree` (key `input`) and `run` are URIs without trailing slash."""

    run_id: str
    image_tree: str
    run: str
    tree: TreeRules
    # None means all splits, or a tree without splits.
    splits: tuple[str, ...] | None
    selection_rule: SelectionRule
    # Number of selected images that Preflight has counted; None if it has not.
    images: int | None
    # The fingerprint of the selected images; None if Preflight has not listed them all.
    fingerprint: str | None
    # Images that were written after this time belong to the next run; None means that all belong to this one.
    planned_at: datetime | None
    components: Components
    csv: bool
    min_variance: float | None
    # Images with more pixels are not decoded.
    max_pixels: int
    model: Model | None
    # Photos are turned upright by their EXIF orientation.
    exif_rotation: bool = False
    # Large JPEGs are decoded at a part of their size.
    jpeg_draft: bool = False
    # The number format in which the model computes: float32 or bf16.
    precision: str = "float32"
    # The image tree is a pack.
    packed: bool = False
    # The features store that all runs share; None if there is none.
    store: str | None = None
    force: bool = False
    # A run refers to features in the store instead of copying them.
    refers: bool = False
    # Folder of an earlier run's features (Parquet files), when only the reduction is left to do.
    features: str | None = None
    # Hexadecimal sha256 of plan.json; empty if the plan was not read from a file.
    sha256: str = ""


def read_plan(uri: str) -> Plan:
    """Read the plan at `uri`.

    Raises:
        JobError: the file does not exist, or is not a plan.
    """
    try:
        content = open_storage(uri).read_bytes(uri)
        return replace(parse_plan(json.loads(content)), sha256=hashlib.sha256(content).hexdigest())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{uri} is not a plan: {type(error).__name__}: {error}") from None


def parse_plan(document: dict[str, Any]) -> Plan:
    """Build a plan from a JSON document.

    Raises:
        KeyError, TypeError, JobError: a key is missing or has no legal value.
    """
    rule = document["selectionRule"]
    splits = document.get("splits")
    pca = document.get("pca") or {"components": 50}
    model = document.get("model")
    return Plan(
        run_id=document["runId"],
        image_tree=_image_tree(document["input"]),
        run=document["run"].rstrip("/"),
        tree=parse_tree_rules(document["tree"]),
        splits=None if splits is None else tuple(splits),
        selection_rule=SelectionRule(rule["labelPrefix"], rule["label"], rule["limit"]),
        images=(document.get("counts") or {}).get("images"),
        fingerprint=document.get("selection"),
        planned_at=datetime.fromisoformat(document["plannedAt"]) if "plannedAt" in document else None,
        components=Components(pca.get("components"), pca.get("variance")),
        csv="csv" in document.get("formats", ["parquet", "csv"]),
        max_pixels=int(document["maxMegapixels"]) * 1_000_000 if "maxMegapixels" in document else MAX_PIXELS,
        min_variance=(document.get("quality") or {}).get("minVariance"),
        model=None
        if model is None
        else Model(
            uri=_model_uri(document.get("bucket", ""), model["key"]),
            name=model.get("name", "MobileNetV2"),
            sha256=model["sha256"],
            weights=model["weights"],
            input_size=model["inputSize"],
            dimensions=model["dimensions"],
            format=model.get("format", "tflite"),
            preprocessing=model.get("preprocessing", "tf"),
            layout=model.get("layout", "NHWC"),
        ),
        exif_rotation=document.get("exifRotation", False),
        jpeg_draft=document.get("jpegDraft", False),
        precision=document.get("precision", "float32"),
        packed=document.get("pack") is not None,
        store=_folder(document.get("store")),
        force=document.get("force", False),
        refers=document.get("reusedFeatures") == "reference",
        features=_folder(document.get("features")),
    )


def _image_tree(uri: str) -> str:
    """Return the URI without its last slash.

    Raises:
        JobError: a folder in it has no name (`//`). Joining names would lose such a folder; Preflight refuses it, too.
    """
    if "//" in uri.removeprefix(SCHEME):
        raise JobError(f"the image tree {uri} has a folder without a name (//)")
    return uri.removesuffix("/")


def _folder(uri: str | None) -> str | None:
    return None if uri is None else uri.rstrip("/")


def _model_uri(bucket: str, key: str) -> str:
    """Return the URI of a key in the run's bucket. An s3:// URI or an absolute path is returned unchanged."""
    return key if is_s3(key) or key.startswith("/") else f"s3://{bucket}/{key}"
