"""Measures how long the Lambda functions' modules take to load, bundled and from source. Each cold start loads them.

Bundle and source are loaded in turn, each in a new Node process, so that changes in the machine's load affect both.
"""

import subprocess
from pathlib import Path
from statistics import median

from bench.spark import ROOT

NODE = ROOT / "node_modules" / ".bin" / "node"
# The variables of Lambda's environment that the modules read while they load.
ENVIRONMENT = {"AWS_REGION": "eu-west-1", "POWERTOOLS_SERVICE_NAME": "orchard", "NO_COLOR": "1"}
LOAD = "const from = performance.now(); await import(process.argv[1]); console.log(performance.now() - from);"


def load_ms(module: Path) -> float:
    """Return the milliseconds that a new Node process takes to import a module."""
    command = [str(NODE), "--input-type=module", "--eval", LOAD, module.as_uri()]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(work: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Return for each function the size of its bundle in kB, and the median milliseconds to load bundle and source."""
    bundles = work / "bundles"
    subprocess.run([str(NODE), str(ROOT / "infra" / "bundle.ts"), str(bundles)], check=True)
    found = {}
    for bundle in sorted(bundles.glob("*/index.mjs")):
        name = bundle.parent.name
        times = [(load_ms(bundle), load_ms(ROOT / "lambdas" / f"{name}.ts")) for _ in range(repeats)]
        found[name] = {
            "bundleKb": round(bundle.stat().st_size / 1_000),
            "importMs": round(median(of_bundle for of_bundle, _ in times), 1),
            "sourcesImportMs": round(median(of_sources for _, of_sources in times), 1),
        }
    return found
