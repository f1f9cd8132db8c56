"""Packs with files of their real size of 128 MB: how large they are, and the memory of packing and of reading."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from orchard.pack.shards import GROUP_BYTES, GROUP_ROWS, SHARD_BYTES

from ..runs import ROOT, TREE_RULES

MEGABYTE = 1_000_000
# Number of files and bytes of each: photos, and pictures as small as those of Fruits-360.
TREES = {"photos": (60, 3 * MEGABYTE), "thumbnails": (40_000, 4_000)}

PEAK = """
import json, sys
from pathlib import Path

def peak() -> int:
    \"\"\"Return the most memory that this process has had, in bytes. (ru_maxrss begins with that of the parent.)\"\"\"
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

arguments = json.load(sys.stdin)
"""
PACKING = """
import make_pack
before = peak()
assert make_pack.main(arguments) == 0
print(peak() - before)
"""
READING = """
from orchard.io.local import LocalStorage
from orchard.pack.reading import PackedStorage
from orchard.selection import digest
root, paths = arguments
manifest = json.loads(Path(root, "pack.json").read_text())
shards = tuple((shard["name"], tuple(shard["groups"])) for shard in manifest["shards"])
read = PackedStorage(root, LocalStorage(), None, shards).open_reader()
before = peak()
for path in sorted(paths, key=digest):
    content, _ = read(f"{root}/{path}")
    assert content == Path(root).with_name("tree").joinpath(path).read_bytes()
print(peak() - before)
"""


def measure(script: str, arguments: list[Any]) -> int:
    """Run a script in a process of its own, and return the memory in bytes that it took in addition to its imports."""
    command = [sys.executable, "-c", PEAK + script]
    environment = {"PYTHONPATH": str(ROOT / "spark"), "PATH": ""}
    ended = subprocess.run(
        command, env=environment, input=json.dumps(arguments), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout.splitlines()[-1])


def write_tree(root: Path, count: int, size: int) -> list[str]:
    """Write files of random bytes, and return their paths."""
    paths = [f"Training/Label {n % 100}/{n}.jpg" for n in range(count)]
    generator = random.Random(1)
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(generator.randbytes(size))
    return paths


def pack_and_read(folder: Path, count: int, size: int) -> tuple[list[int], list[int], dict[str, int]]:
    """Pack files and read them back.

    Returns:
        The bytes of the pack's files, the number of their row groups, and the bytes that packing and reading took.
    """
    source, target = folder / "tree", folder / "pack"
    paths = write_tree(source, count, size)
    rules = json.dumps({"layout": "split/label", **TREE_RULES})
    memory = {
        "packing": measure(PACKING, ["--source", str(source), "--target", str(target), "--rules", rules]),
        "reading": measure(READING, [str(target), paths]),
    }
    shards = json.loads((target / "pack.json").read_text())["shards"]
    sizes = [(target / shard["name"]).stat().st_size for shard in shards]
    return sizes, [len(shard["groups"]) for shard in shards], memory


@pytest.mark.deep
@pytest.mark.parametrize("kind", TREES)
def test_memory_is_that_of_a_row_group_and_not_of_a_file(tmp_path: Path, kind: str) -> None:
    count, size = TREES[kind]

    # A tenth of them make one file with a few row groups.
    few_sizes, _, few = pack_and_read(tmp_path / "few", count // 10, size)
    sizes, groups, memory = pack_and_read(tmp_path / "all", count, size)

    print(f"{kind}: files of {sizes} bytes with {groups} row groups; memory of a tenth {few}, of all {memory}")
    assert len(few_sizes) == 1
    assert len(sizes) == 2
    assert SHARD_BYTES <= sizes[0] < SHARD_BYTES + GROUP_BYTES
    per_group = GROUP_BYTES // size if kind == "photos" else GROUP_ROWS
    assert sum(groups) == -(-count // per_group)
    for step, most in memory.items():
        # The list of the tree's paths takes up to 400 bytes for each path.
        assert most - few[step] < 2 * GROUP_BYTES + 400 * count, step
