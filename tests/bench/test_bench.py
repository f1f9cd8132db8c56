"""Runs the benchmark at small sizes. The tests assert no speed."""

import json
import subprocess
from pathlib import Path

import pytest

from bench.__main__ import judge

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("features.ratioToBare", 0.93, ">= 0.93 met (0.9 to 0.95)"),
        ("features.ratioToBare", 0.92, ">= 0.93 MISSED (0.9 to 0.95)"),
        ("features.overheadSeconds", 2.0, "<= 2.0 met (0.9 to 0.95)"),
        ("features.overheadSeconds", 2.1, "<= 2.0 MISSED (0.9 to 0.95)"),
        ("images.count", 5, "(0.9 to 0.95)"),
    ],
)
def test_a_number_is_judged_by_its_goal(name: str, value: float, verdict: str) -> None:
    assert judge(name, value, [0.9, 0.95]) == verdict
    assert judge(name, value, None) == verdict.removesuffix("(0.9 to 0.95)").rstrip()


@pytest.mark.deep
def test_the_scale_benchmark_measures_all_parts() -> None:
    node, main = ROOT / "node_modules" / ".bin" / "node", ROOT / "cli" / "main.ts"

    done = subprocess.run(
        [str(node), str(main), "bench-scale", "--quick", "--json"], capture_output=True, text=True, check=True, cwd=ROOT
    )

    found = json.loads(done.stdout)
    assert set(found["measured"]) == {"machine", "growth", "speedup", "costs", "preflight", "inventory", "rows"}
    assert [run["images"] for run in found["measured"]["preflight"]] == [5_000, 20_000]
    assert found["check"]["images"] == 120
    assert {(row["images"], row["nodes"]) for row in found["predictions"]} >= {(67_692, 3), (10_000_000, 100)}


@pytest.mark.deep
def test_the_benchmark_prints_all_comparisons_as_one_json_object() -> None:
    node, main = ROOT / "node_modules" / ".bin" / "node", ROOT / "cli" / "main.ts"
    command = [str(node), str(main), "bench", "--quick", "--json", "--only", "features", "pca", "growth", "functions"]

    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    found = json.loads(done.stdout)
    least, most = found["features"]["ratioToBareBetween"]
    assert 0 < least <= found["features"]["ratioToBare"] <= most
    # A quick run may end before the first memory sample, so the values may be empty: test_memory.py checks them.
    assert set(found["features"]["ours"]["200"]["peakMb"]) == {"jvm", "pythonDriver", "pythonWorkers"}
    assert [row["images"] for row in found["growth"]] == [50, 100]
    # Their times are comparable only if both compute the same result.
    assert found["pca"]["largestRelativeDifference"] < 1e-9
    assert set(found["job"]["overhead"]) == {"features", "reduction", "inventory"}
    modules = found["functions"]["modules"]
    assert {"preflight", "terminate-cluster", "notify"} <= set(modules)
    assert all(one["bundleKb"] > 0 and one["importMs"] > 0 for one in modules.values())
