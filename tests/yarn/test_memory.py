"""Images of 50 megapixels in containers whose memory YARN limits."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.account import Account, Execution, started_account

from .processes import find_workers, peak_mib
from .runs import YARN_SECONDS, succeeded

pytestmark = pytest.mark.deep

# The cores of an executor, each with a worker; and the images of four tasks of the smallest size.
WORKERS, IMAGES = 4, 4 * 16
RUN = {"mode": "full", "force": True, "maxMegapixels": 51, "pca": {"components": 1}}


@pytest.fixture(scope="module")
def account(home: Path) -> Iterator[Account]:
    with started_account(home, yarn=True) as account:
        yield account


@pytest.fixture(scope="module")
def images(account: Account) -> str:
    """The URI of a tree of large images only, so that all workers of an executor decode one at the same time."""
    # A PCA needs images that differ.
    contents = [_gradient(blue=0), _gradient(blue=255)]
    for number in range(IMAGES):
        account.put(f"data/large/Training/Apple/{number}.png", contents[number % 2])
    return f"s3://{account.bucket}/data/large/"


def _gradient(blue: int) -> bytes:
    """Return a PNG of 50 megapixels with alpha."""
    pixels = np.empty((6144, 8160, 4), np.uint8)
    pixels[..., 0] = np.arange(8160)
    pixels[..., 1] = np.arange(6144)[:, None]
    pixels[..., 2:] = blue, 128
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", compress_level=1)
    return content.getvalue()


def _watch(account: Account, arn: str, folder: Path) -> tuple[Execution, dict[int, float]]:
    """Wait for a run, and return the largest memory in MiB that each Python worker has had, by process id."""
    peaks: dict[int, float] = {}
    while account.describe(arn)["status"] == "RUNNING":
        peaks |= {worker: max(peaks.get(worker, 0), peak_mib(worker)) for worker in find_workers(folder)}
        time.sleep(0.3)
    return account.wait(arn, YARN_SECONDS), peaks


def test_the_planned_memory_carries_the_largest_images(account: Account, images: str, home: Path) -> None:
    run = {**RUN, "input": images, "keepMinutes": 60, "cluster": {"executorMemory": "1g"}}

    execution, peaks = _watch(account, account.start(run), home)

    succeeded(execution)
    plan = account.json(f"runs/{execution.run_id}/plan.json")["cluster"]
    summary = account.json(f"runs/{execution.run_id}/features/summary.json")
    assert (summary["images"], summary["errors"]) == (IMAGES, 0)
    largest = sorted(peaks.values())[-WORKERS:]
    assert largest[0] > 50 * 4, "not every worker has had a large image"
    assert sum(largest) + 384 <= int(plan["executorMemoryOverhead"].removesuffix("m"))


def test_an_executor_that_is_too_small_is_explained(account: Account, images: str) -> None:
    [cluster] = account.client("emr").list_clusters()["Clusters"]
    memory = {"executorMemory": "512m", "executorMemoryOverhead": "256m"}

    execution = account.run({**RUN, "input": images, "cluster": {"id": cluster["Id"], **memory}}, YARN_SECONDS)

    assert execution.status == "FAILED"
    assert "Out of memory: YARN killed an executor that used more memory than its container has (" in execution.cause
    [mail] = account.wait_for_mails(execution.run_id)
    assert "Raise cluster.executorMemoryOverhead in the input (it was 256m)" in mail["message"]
