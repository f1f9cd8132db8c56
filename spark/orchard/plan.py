"""What a run is to do: the plan.json that Preflight wrote."""

import json
from dataclasses import dataclass
from typing import Any

from orchard.errors import JobError
from orchard.io.storage import open_storage
from orchard.io.uri import is_s3

MODES = ("inventory", "mini", "apples", "full", "single-class")


@dataclass(frozen=True)
class Components:
    """How many principal components: exactly `count`, or as few as keep `variance` (0 < v <= 1)."""

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
    """The model artifact; `uri` names the flat buffer."""

    uri: str
    name: str
    sha256: str
    weights: str
    input_size: int
    dimensions: int


@dataclass(frozen=True)
class Plan:
    """The part of the plan that the jobs use. `source` and `run` are URIs without a slash at the end."""

    run_id: str
    mode: str
    label: str | None
    source: str
    run: str
    splits: tuple[str, ...] | None
    limit: int | None
    # What Preflight found, limit applied; None: nobody has counted.
    images: int | None
    components: Components
    csv: bool
    min_variance: float | None
    model: Model | None
    # Where features are kept from run to run; None: nowhere.
    store: str | None = None
    force: bool = False
    # An earlier run's features (a folder of Parquet files), when only the reduction is to be done.
    features: str | None = None


def read_plan(uri: str) -> Plan:
    """The plan at `uri`.

    Raises:
        JobError: it is not there, or is not a plan.
    """
    try:
        document = json.loads(open_storage(uri).read_bytes(uri))
        return parse_plan(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{uri} is not a plan: {type(error).__name__}: {error}") from None


def parse_plan(document: dict[str, Any]) -> Plan:
    """The plan in a JSON document.

    Raises:
        KeyError, TypeError, JobError: a key is missing or has no legal value.
    """
    mode = document["mode"]
    if mode not in MODES:
        raise JobError(f"mode is {mode!r}; allowed are {', '.join(MODES)}")
    splits = document.get("splits")
    pca = document.get("pca") or {"components": 50}
    model = document.get("model")
    return Plan(
        run_id=document["runId"],
        mode=mode,
        label=document.get("label"),
        source=document["input"].rstrip("/"),
        run=document["run"].rstrip("/"),
        splits=None if splits is None else tuple(splits),
        limit=document.get("limit"),
        images=(document.get("counts") or {}).get("images"),
        components=Components(pca.get("components"), pca.get("variance")),
        csv="csv" in document.get("formats", ["parquet", "csv"]),
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
        ),
        store=_folder(document.get("store")),
        force=document.get("force", False),
        features=_folder(document.get("features")),
    )


def _folder(uri: str | None) -> str | None:
    return None if uri is None else uri.rstrip("/")


def _model_uri(bucket: str, key: str) -> str:
    """A key lies in the run's bucket; a whole URI or an absolute path stands for itself."""
    return key if is_s3(key) or key.startswith("/") else f"s3://{bucket}/{key}"
