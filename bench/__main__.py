"""Runs the benchmark: features against the bare limit first, then PCA, then the rest.

Prints each number on stderr as soon as it is measured, and the table, or the JSON object, on stdout at the end.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from bench import bare, comparisons, functions, images, pca, steps
from bench.progress import log
from bench.spark import ROOT, Run, submit

PARTS = ("features", "pca", "daft", "reference", "growth", "functions")
# The least allowed value of each ratio; LIMITS has the largest allowed value of each time.
GOALS = {
    "features.ratioToBare": 0.93,
    "features.ratioToBareOfTwice": 0.95,
    "features.marginalRatioToBare": 0.95,
    "features.ratioToDaft": 1.08,
    "features.ratioToReference": 50.0,
    "pca.ratioToMllib": 10.0,
}
LIMITS = {"features.overheadSeconds": 2.0}


@dataclass(frozen=True)
class Sizes:
    """The amounts of work to measure: numbers of images, and the rows and dimensions of the PCA."""

    images: int = 8000
    reference: int = 100
    growth: tuple[int, ...] = (1000, 2000, 4000, 8000)
    rows: int = 67_692
    dimensions: int = 1280


QUICK = Sizes(200, 6, (50, 100), 3000, 256)

Results = dict[str, object]


class Bench:
    """Measures the parts. `results` has a dotted key for each measurement, as in GOALS."""

    def __init__(self, options: argparse.Namespace, sizes: Sizes, work: Path) -> None:
        self.cores = os.cpu_count() or 1
        self.sizes = sizes
        self.work = work
        self.home: Path = options.home
        self.model: Path = options.model
        self.repeats: int = 1 if options.quick else options.repeats
        self.results: Results = {}
        self.is_generated = options.images is None
        needed = max(2 * sizes.images, *sizes.growth)
        self.image_tree: Path = images.generate(self.home, needed) if options.images is None else options.images
        self.images = images.find(self.image_tree)
        if len(self.images) < self.cores:
            raise SystemExit(f"{self.image_tree} has {len(self.images)} images; at least {self.cores} are needed")
        self.count = min(sizes.images, len(self.images))
        # A random order gives each subset about the same share of each label.
        order = np.random.default_rng(0).permutation(len(self.images))
        self.images = [self.images[number] for number in order]

    def put(self, name: str, value: object) -> None:
        """Store a result and print it."""
        self.results[name] = round(value, 4) if isinstance(value, float) else value
        log(f"  {name} = {json.dumps(self.results[name])}")

    def put_ratio(self, name: str, pairs: Iterable[tuple[float, float]]) -> None:
        """Store the median of the pairs' ratios other / ours, and the smallest and the largest ratio."""
        ratios = [other / ours for other, ours in pairs]
        self.put(f"{name}Between", [round(min(ratios), 4), round(max(ratios), 4)])
        self.put(name, median(ratios))

    def features(self) -> None:
        """Compare the features step with the bare limit, in total and for additional images.

        The two take turns, so that changes in the machine's load affect both.
        """
        counts = [count for count in (self.count, 2 * self.count) if count <= len(self.images)]
        limits: dict[int, list[float]] = {count: [] for count in counts}
        runs: dict[int, list[Run]] = {count: [] for count in counts}
        for _ in range(self.repeats):
            for count in counts:
                chosen = self.images[:count]
                # Read the files once, so that neither measurement includes reading from the disk.
                for path in chosen:
                    path.read_bytes()
                limits[count].append(bare.measure(self.model, chosen, self.cores))
                runs[count].append(steps.features(self.model, chosen, self.work))
                log(f"  {count} images: bare {limits[count][-1]:.1f} s, ours {runs[count][-1].seconds:.1f} s")
        for count in counts:
            limit, run = median(limits[count]), median_run(runs[count])
            self.put(f"features.bare.{count}", {"imagesPerSecond": round(count / limit, 1), "seconds": limits[count]})
            self.put(f"features.ours.{count}", {"imagesPerSecond": round(count / run.seconds, 1), **run.as_json()})
        self.put("features.rate", self.count / median_run(runs[self.count]).seconds)
        for name, count in zip(("features.ratioToBare", "features.ratioToBareOfTwice"), counts, strict=False):
            self.put_ratio(name, zip(limits[count], [run.seconds for run in runs[count]], strict=True))
        self.put("features.overheadSeconds", median(run.overhead() for run in runs[self.count]))
        if len(counts) == 2:
            more = [long - short for short, long in zip(*limits.values(), strict=True)]
            ours_more = [long.seconds - short.seconds for short, long in zip(*runs.values(), strict=True)]
            self.put("features.marginalRatioToBare", median(more) / median(ours_more))
        self.job(median_run(runs[self.count]))

    def job(self, features: Run) -> None:
        """Measure the phases and the overhead of the steps; the reduction uses the features of the last run."""
        reduction = steps.reduction(self.work)
        self.put("job.reduction", reduction.as_json())
        inventory = steps.inventory(self.model, self.image_tree, self.work) if self.is_generated else None
        if inventory:
            self.put("job.inventory", inventory.as_json())
        overhead = {"features": features.overhead(), "reduction": reduction.overhead()}
        self.put("job.overhead", {**overhead, "inventory": None if inventory is None else inventory.overhead()})

    def pca(self) -> None:
        """Compare the PCA fit with MLlib's; the two take turns."""
        folder = pca.generate(self.home, self.sizes.rows, self.sizes.dimensions)
        seconds: dict[str, list[float]] = {"ours": [], "mllib": []}
        ratios = {}
        for _ in range(self.repeats):
            for implementation, measured in seconds.items():
                answer = self.work / f"pca-{implementation}.json"
                # MLlib computes in the JVM, so it needs the optimizing compiler that the default options turn off.
                settings = ["spark.driver.extraJavaOptions="] if implementation == "mllib" else []
                script = ROOT / "bench" / "pca.py"
                submit(self.work, script, implementation, str(folder), str(answer), settings=settings)
                document = json.loads(answer.read_text())
                measured.append(document["seconds"])
                ratios[implementation] = np.array(document["ratios"])
                log(f"  {implementation}: {measured[-1]:.2f} s")
        for implementation, measured in seconds.items():
            self.put(f"pca.{implementation}.seconds", median(measured))
        self.put_ratio("pca.ratioToMllib", zip(seconds["mllib"], seconds["ours"], strict=True))
        self.results["pca.largestRelativeDifference"] = float(np.abs(ratios["ours"] / ratios["mllib"] - 1).max())

    def daft(self) -> None:
        """Compare with Daft on the same images; the two take turns."""
        python = comparisons.daft_python(self.home.parent / "bench-python")
        chosen = self.images[: self.count]
        pairs = []
        for _ in range(self.repeats):
            other, ours = comparisons.daft(python, self.model, chosen, self.work), self._run_features(chosen)
            pairs.append((other, ours))
            log(f"  {self.count} images: Daft {other:.1f} s, ours {ours:.1f} s")
        self.put("features.daft.seconds", median(other for other, _ in pairs))
        self.put_ratio("features.ratioToDaft", pairs)

    def _run_features(self, chosen: Sequence[Path]) -> float:
        return steps.features(self.model, chosen, self.work).seconds

    def reference(self) -> None:
        """Compare with a typical Spark job, on fewer images."""
        chosen = self.images[: self.sizes.reference]
        seconds = comparisons.reference(chosen, self.work)
        self.put("features.reference.imagesPerSecond", len(chosen) / seconds)
        self.put("features.ratioToReference", self._rate() * seconds / len(chosen))

    def _rate(self) -> float:
        if "features.rate" not in self.results:
            self.put("features.rate", self.count / self._run_features(self.images[: self.count]))
        return float(str(self.results["features.rate"]))

    def growth(self) -> None:
        """Measure time and memory for growing numbers of images."""
        table = []
        for count in self.sizes.growth:
            if count <= len(self.images):
                run = steps.features(self.model, self.images[:count], self.work)
                table.append({"images": count, **run.as_json()})
        self.put("growth", table)

    def functions(self) -> None:
        """Compare the Lambda functions' bundles with their sources: size and load time."""
        found = functions.measure(self.work, self.repeats)
        self.put("functions.modules", found)
        self.put("functions.slowestImportMs", max(module["importMs"] for module in found.values()))
        ratios = [module["sourcesImportMs"] / module["importMs"] for module in found.values()]
        self.put("functions.ratioToSources", median(ratios))


def median_run(runs: Sequence[Run]) -> Run:
    """Return the run with the median time; of two, the longer one."""
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def nest(results: Results) -> Results:
    """Turn dotted keys into nested objects: {"a.b": 1} becomes {"a": {"b": 1}}."""
    tree: Results = {}
    for name, value in results.items():
        *parents, last = name.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})  # type: ignore[assignment]
        place[last] = value
    return tree


def judge(name: str, value: float | str, between: object) -> str:
    """Return the goal of a number and whether it is met, and the least and the largest of its measurements."""
    spread = f"({between[0]} to {between[1]})" if isinstance(between, list) else ""
    for sign, bounds in ((">=", GOALS), ("<=", LIMITS)):
        if name in bounds:
            difference = float(str(value)) - bounds[name]
            is_met = difference >= 0 if sign == ">=" else difference <= 0
            return f"{sign} {bounds[name]} {'met' if is_met else 'MISSED'} {spread}".rstrip()
    return spread


def format_table(results: Results) -> str:
    """Format the numbers as a table, with the goals beside them."""
    lines = [f"{'':34} {'measured':>12}   goal"]
    for name, value in results.items():
        if isinstance(value, int | float | str):
            lines.append(f"{name:34} {value!s:>12}   {judge(name, value, results.get(f'{name}Between'))}")
    rows = results.get("growth")
    if isinstance(rows, list):
        lines.append("images   seconds   peak MB: JVM, Python workers")
        for row in rows:
            peak = row["peakMb"]
            lines.append(f"{row['images']:6} {row['seconds']:9.1f}   {peak['jvm']:.0f}, {peak['pythonWorkers']}")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="npm run bench --", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder for generated files")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model artifact")
    parser.add_argument("--images", type=Path, help="a folder of images")
    parser.add_argument("--count", type=int, help="images for the features stage")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each number; the median counts")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    if options.count is not None:
        growth = tuple(count for count in sizes.growth if count <= options.count)
        sizes = Sizes(options.count, sizes.reference, growth, sizes.rows, sizes.dimensions)
    options.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.home, prefix="work-") as work:
        bench = Bench(options, sizes, Path(work))
        bench.put("machine.cores", bench.cores)
        bench.put("machine.system", f"{platform.system()} {platform.machine()}")
        bench.put("images.count", len(bench.images))
        for part in PARTS:
            if part in options.only:
                log(f"{part}:")
                getattr(bench, part)()
    print(json.dumps(nest(bench.results)) if options.json else format_table(bench.results))


if __name__ == "__main__":
    main()
