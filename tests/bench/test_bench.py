"""Runs the benchmark at small sizes. The tests assert no speed."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.deep
def test_the_benchmark_prints_all_comparisons_as_one_json_object() -> None:
    node, main = ROOT / "node_modules" / ".bin" / "node", ROOT / "cli" / "main.ts"
    command = [str(node), str(main), "bench", "--quick", "--json", "--only", "features", "pca", "growth", "functions"]

    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    found = json.loads(done.stdout)
    assert found["features"]["ratioToBare"] > 0
    # A quick run may end before the first memory sample, so the values may be empty: test_memory.py checks them.
    assert set(found["features"]["ours"]["200"]["peakMb"]) == {"jvm", "pythonDriver", "pythonWorkers"}
    assert [row["images"] for row in found["growth"]] == [50, 100]
    # Their times are comparable only if both compute the same result.
    assert found["pca"]["largestRelativeDifference"] < 1e-9
    assert set(found["job"]["overhead"]) == {"features", "reduction", "inventory"}
    modules = found["functions"]["modules"]
    assert {"preflight", "terminate-cluster", "notify"} <= set(modules)
    assert all(one["bundleKb"] < 1_000 and one["importMs"] > 0 for one in modules.values())
