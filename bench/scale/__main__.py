"""Measures the constants of the model of minutes and cost; cli/development/bench-scale.ts compares them with the model.

Prints each number on stderr as soon as it is measured, and writes one JSON object to a file at the end.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench import images
from bench.progress import log
from bench.scale import features, keys, rows
from bench.spark import ROOT, submit


@dataclass(frozen=True)
class Sizes:
    """The amounts of work to measure: images, tasks, files, keys and rows."""

    speedup: int = 2000
    growth: tuple[int, ...] = (1000, 2000, 8000)
    tasks: int = 1000
    files: int = 100
    preflight: tuple[int, ...] = (1_000_000, 10_000_000)
    inventory: tuple[int, ...] = (100_000, 1_000_000)
    rows: tuple[int, ...] = (100_000, 1_000_000)


QUICK = Sizes(40, (30, 60, 120), 50, 5, (5_000, 20_000), (3_000, 6_000), (4_000, 8_000))


def parts(options: argparse.Namespace, sizes: Sizes, work: Path) -> dict[str, Callable[[], object]]:
    """Return the measurements by name, in the order in which they are made."""
    model, home = options.model, options.home
    repeats = 1 if options.quick else options.repeats

    def tree() -> list[Path]:
        # A random order gives each subset about the same share of each label.
        found = images.find(images.generate(home, max(*sizes.growth, sizes.speedup)))
        return [found[number] for number in np.random.default_rng(0).permutation(len(found))]

    def costs() -> object:
        answer = work / "costs.json"
        script = ROOT / "bench" / "scale" / "costs_job.py"
        submit(work, script, str(sizes.tasks), str(sizes.files), str(answer), master="local[1]")
        return json.loads(answer.read_text())

    return {
        "growth": lambda: features.growth(model, tree(), sizes.growth, work, repeats),
        "speedup": lambda: features.speedup(model, tree()[: sizes.speedup], work, repeats),
        "costs": costs,
        "preflight": lambda: [keys.preflight(count) for count in sizes.preflight],
        "inventory": lambda: [keys.inventory(model, count, work) for count in sizes.inventory],
        "rows": lambda: [rows.reduction(home, model, count, sizes.rows[0], work) for count in sizes.rows],
    }


def describe_machine() -> dict[str, object]:
    """Return the processor, its cores, and the load, from which a reader sees whether the machine was idle."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "loadBefore": round(os.getloadavg()[0], 1),
        "date": datetime.now(UTC).date().isoformat(),
    }


def main() -> None:
    """Run the command line."""
    names = ("growth", "speedup", "costs", "preflight", "inventory", "rows")
    parser = argparse.ArgumentParser(prog="npm run bench:scale --", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder for generated files")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model artifact")
    parser.add_argument("--answer", type=Path, required=True, help="file for the results")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of the features step; the median counts")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    options.home.mkdir(parents=True, exist_ok=True)
    found: dict[str, object] = {"machine": describe_machine()}
    with tempfile.TemporaryDirectory(dir=options.home, prefix="work-") as work:
        for name, measure in parts(options, QUICK if options.quick else Sizes(), Path(work)).items():
            if name in options.only:
                log(f"{name}:")
                found[name] = measure()
                log(f"  {json.dumps(found[name])}")
    options.answer.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
