"""The benchmark runs, at small sizes; how fast anything is, is not asserted."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmark_compares_and_prints_one_object() -> None:
    node, main = ROOT / "node_modules" / ".bin" / "node", ROOT / "cli" / "main.ts"
    command = [str(node), str(main), "bench", "--quick", "--json", "--only", "features", "pca", "growth", "functions"]

    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    found = json.loads(done.stdout)
    assert found["features"]["ratioToBare"] > 0
    assert found["features"]["ours"]["200"]["peakMb"]["pythonWorkers"]
    assert [row["images"] for row in found["growth"]] == [50, 100]
    # The two agree on what they compute, which is what makes their times comparable.
    assert found["pca"]["largestRelativeDifference"] < 1e-9
    assert set(found["job"]["overhead"]) == {"features", "reduction", "inventory"}
    modules = found["functions"]["modules"]
    assert {"preflight", "terminate-cluster", "notify"} <= set(modules)
    assert all(one["bundleKb"] < 1_000 and one["importMs"] > 0 for one in modules.values())
