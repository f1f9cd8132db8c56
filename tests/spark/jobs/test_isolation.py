"""Images that kill their decoder: in the child process alone, and in a step with Spark's retries."""

import functools
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import main
import numpy as np
import pytest
from orchard.jobs.isolation import KILLED, TOO_MUCH_MEMORY, IsolatedDecoder, Pixels, find_decoder_memory
from orchard.model.bad_image import DAMAGED, BadImageError, RunDependentError
from pyspark import SparkConf
from pyspark.sql import SparkSession

from ..runs import ROOT, ModelArtifact, encode, picture, plant, write_plan
from ..test_main import submit

MIB = 1 << 20


def decode(content: bytes, pid_file: str) -> Pixels:
    """Stand in for a decoder: crashes, takes memory, or refuses as the content says."""
    Path(pid_file).write_text(str(os.getpid()), encoding="ascii")
    if content == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if content == b"abort":
        os.abort()
    if content == b"bad":
        raise BadImageError(DAMAGED)
    if content.startswith(b"take "):
        np.ones(int(content.split()[1]), np.uint8)
    return np.zeros(3, np.float32)


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "pid"


@pytest.mark.parametrize("content", [b"crash", b"abort"])
def test_an_image_that_kills_the_child_is_named_and_the_next_one_is_decoded(pid_file: Path, content: bytes) -> None:
    with IsolatedDecoder(functools.partial(decode, pid_file=str(pid_file)), None) as isolated:
        assert isolated(b"good").tolist() == [0, 0, 0]
        first = pid_file.read_text()

        with pytest.raises(RunDependentError, match=f"^{KILLED}$"):
            isolated(content)

        assert isolated(b"good").tolist() == [0, 0, 0]
    assert len({first, pid_file.read_text(), str(os.getpid())}) == 3


def test_a_bad_image_is_refused_as_without_a_child_and_the_child_stays(pid_file: Path) -> None:
    with IsolatedDecoder(functools.partial(decode, pid_file=str(pid_file)), None) as isolated:
        isolated(b"good")
        first = pid_file.read_text()

        with pytest.raises(BadImageError, match=f"^{DAMAGED}$") as caught:
            isolated(b"bad")

        assert not isinstance(caught.value, RunDependentError)
        isolated(b"good")
    assert pid_file.read_text() == first


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process's data")
def test_an_image_that_exceeds_the_memory_is_named(pid_file: Path) -> None:
    with IsolatedDecoder(functools.partial(decode, pid_file=str(pid_file)), 200 * MIB) as isolated:
        isolated(b"take %d" % (100 * MIB))

        with pytest.raises(RunDependentError, match=f"^{TOO_MUCH_MEMORY}$"):
            isolated(b"take %d" % (300 * MIB))

        isolated(b"take %d" % (100 * MIB))


@pytest.mark.parametrize(
    ("overhead", "precision", "expected"),
    [
        ("2304m", "float32", (4 * 272, 272)),
        ("2304m", "bf16", (4 * 208, 208)),
        ("3g", "float32", (4 * 464, 464)),
        ("512m", "float32", (400, 100)),
        (None, "float32", None),
    ],
)
def test_the_memory_is_first_that_of_all_workers_and_then_a_workers_share(
    overhead: str | None, precision: str, expected: tuple[int, int] | None
) -> None:
    conf = SparkConf(loadDefaults=False).set("spark.executor.cores", "4")
    if overhead is not None:
        conf.set("spark.executor.memoryOverhead", overhead)

    found = find_decoder_memory(conf, precision)

    assert found == (None if expected is None else tuple(size * MIB for size in expected))


POISON = b"kills the decoder"
# Added to a copy of the decoder that only the test's workers load: the product has no such switch.
CRASH = f"""

_decode_well = to_input


def to_input(content, *args, **options):
    if content.endswith({POISON!r}):
        import os, signal
        os.kill(os.getpid(), signal.SIGSEGV)
    return _decode_well(content, *args, **options)
"""


def test_a_step_finishes_without_the_image_that_crashes_its_workers(
    spark: SparkSession, small_model: ModelArtifact, tmp_path: Path
) -> None:
    for number in range(40):
        ending = POISON if number == 7 else b""
        plant(tmp_path / "raw", f"Training/Apple/{number}.jpg", encode(picture(number)) + ending)
    plan = str(write_plan(tmp_path / "run", tmp_path / "raw", small_model, formats=["parquet"]))
    package = tmp_path / "package" / "orchard"
    shutil.copytree(ROOT / "spark" / "orchard", package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / "model" / "images.py").open("a", encoding="utf-8") as decoder:
        decoder.write(CRASH)
    main.run(spark.sparkContext, main.parse(["inventory", "--plan", plan]))

    done = submit(tmp_path, "features", "--plan", plan, master="local[2, 4]", package=package)

    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "run" / "features" / "summary.json").read_text())
    assert (summary["images"], summary["reasons"]) == (39, {KILLED: 1})
    assert summary["examples"] == {KILLED: ["Training/Apple/7.jpg"]}
    assert all(check["ok"] for check in summary["checks"])
