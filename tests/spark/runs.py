"""Generated images and plans of runs on local files."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]

# The settings of local steps. Their archive of the JVM's classes saves over a second for each JVM.
SPARK_DEFAULTS = ROOT / ".orchard" / "spark" / "spark-defaults.conf"

# The rules for image trees that Preflight writes into plan.json, without the layout.
TREE_RULES: dict[str, Any] = json.loads((ROOT / "lambdas" / "contract" / "image-tree.json").read_text())

# The table on which every reader of image trees is tested.
INPUT_TREES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "input-trees.json").read_text())


@dataclass(frozen=True)
class ModelArtifact:
    """A model: the artifact in .orchard/model, which the tests make if it is missing, or a small one."""

    path: Path
    info: dict[str, Any]


def computes_bf16() -> bool:
    """Whether this machine's processor computes in bf16, as cli/execution/local-precision.ts finds out."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="ascii", errors="replace") if cpuinfo.exists() else ""
    return "avx512_bf16" in text or "amx_bf16" in text


def picture(seed: int, size: tuple[int, int] = (100, 100)) -> Image.Image:
    """Return a picture like a fruit: a shaded disc on white that differs with the seed."""
    random = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    radius = random.uniform(0.25, 0.45) * min(size)
    distance = np.hypot(x - width / 2, y - height / 2) / radius
    colour = random.uniform(30, 220, 3)
    shade = 1 - 0.5 * distance + 0.2 * np.sin(x / random.uniform(2, 9) + y / random.uniform(2, 9))
    pixels = np.where(distance[..., None] < 1, colour * shade[..., None], 255)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def plant(root: Path, name: str, content: bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_plan(
    run: Path,
    source: Path,
    artifact: ModelArtifact | None = None,
    *,
    label_prefix: str | None = None,
    label: str | None = None,
    limit: int | None = None,
    **changes: Any,
) -> Path:
    """Write a plan.json like Preflight's, for local files; `changes` replace its keys."""
    model = None
    if artifact is not None:
        model = {
            "key": str(artifact.path),
            "sha256": artifact.info["sha256"],
            "weights": artifact.info["weights"],
            "inputSize": artifact.info["inputSize"],
            "dimensions": artifact.info["dimensions"],
            "preprocessing": artifact.info.get("preprocessing", "tf"),
        }
    document = {
        "runId": "run-1",
        "bucket": "bucket",
        "input": f"{source}/",
        "run": f"{run}/",
        "splits": None,
        "tree": {"layout": "split/label", **TREE_RULES},
        "selectionRule": {"labelPrefix": label_prefix, "label": label, "limit": limit},
        "pca": {"components": 3},
        "formats": ["parquet", "csv"],
        "quality": {"maxErrorRate": 0.01, "minVariance": None},
        "model": model,
        **changes,
    }
    run.mkdir(parents=True, exist_ok=True)
    path = run / "plan.json"
    path.write_text(json.dumps(document))
    return path
