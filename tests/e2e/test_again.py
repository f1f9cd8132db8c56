"""A run reuses the results of earlier runs, also of one that failed, and computes only the rest."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from .account import Account, Execution

IMAGES = 20
UNREADABLE = "data/again/Training/Apple A/broken.jpg"


@pytest.fixture(scope="module")
def prefix(account: Account, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Uploads some images with odd names under a new prefix."""
    folder = tmp_path_factory.mktemp("again")
    for number, image in enumerate(sorted((account.sample / "Training").glob("Banana/*.jpg"))[:IMAGES]):
        target = folder / "Training" / f"Apple {'AB'[number % 2]}" / f"é 🍎 {number}+#?%20_100.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(image.read_bytes())
    account.upload(folder, "data/again/")
    return f"s3://{account.bucket}/data/again/"


def _steps(account: Account, execution: Execution) -> list[str]:
    [cluster] = account.clusters(execution.run_id)
    return [step["Name"] for step in account.steps(cluster["Id"])]


def _features(account: Account, execution: Execution, folder: Path) -> dict[str, bytes]:
    table = pq.read_table(account.download(execution.run_id, folder) / "features" / "parquet")
    vectors = table["features"].to_pylist()
    paths = table["path"].to_pylist()
    assert len(set(paths)) == len(paths)
    return {str(path): np.array(vector, np.float32).tobytes() for path, vector in zip(paths, vectors, strict=True)}


def test_only_what_is_new_is_done(account: Account, prefix: str, tmp_path: Path) -> None:
    given = {"mode": "apples", "input": prefix, "pca": {"components": 5}}
    account.put(UNREADABLE, b"no image at all")
    invalid = account.run(given)
    assert _steps(account, invalid) == ["Inventory", "ExtractFeatures", "ReduceDimensions"]
    _assert_too_many_images_were_bad(account, invalid)

    # With an image in place of the bad one, only this image is computed.
    image = next((account.sample / "Validation" / "Banana").glob("*.jpg"))
    account.put(UNREADABLE, image.read_bytes())
    valid = account.run(given)
    assert valid.status == "SUCCEEDED", valid.cause
    assert _steps(account, valid) == ["Inventory", "ExtractFeatures", "ReduceDimensions"]
    verdict = account.json(f"runs/{valid.run_id}/manifest.json")["validation"]
    assert (verdict["images"], verdict["computed"], verdict["reused"]) == (IMAGES + 1, 1, IMAGES)
    [mail] = account.mails(valid.run_id)
    assert f"1 computed, {IMAGES} reused" in mail["message"]
    features = _features(account, valid, tmp_path / "valid")
    earlier = _features(account, invalid, tmp_path / "invalid")
    assert len(earlier) == IMAGES
    assert set(features) - set(earlier) == {f"s3://{account.bucket}/{UNREADABLE}"}
    assert features.items() >= earlier.items()

    # The same input again creates no cluster.
    again = account.run(given)
    assert again.status == "SUCCEEDED", again.cause
    story = ["TakeInput", "NeedsTurn", "Preflight", "AnythingToDo", "NotifySuccess", "Succeeded"]
    assert account.states(again.arn) == story
    assert account.clusters(again.run_id) == []
    [mail] = account.mails(again.run_id)
    assert "nothing new" in mail["subject"]
    assert f"runs/{valid.run_id}/" in mail["message"]
    assert f"Report:    orchard results {valid.run_id} --open --local\n" in mail["message"]

    # Another PCA of the same features only reduces.
    other = account.run({**given, "pca": {"components": 3}})
    assert other.status == "SUCCEEDED", other.cause
    assert _steps(account, other) == ["ReduceDimensions"]
    verdict = account.json(f"runs/{other.run_id}/manifest.json")["validation"]
    assert (verdict["images"], verdict["computed"], verdict["reused"]) == (IMAGES + 1, 0, IMAGES + 1)
    assert account.json(f"runs/{other.run_id}/model_info/model_info.json")["pca_components"] == 3


def _assert_too_many_images_were_bad(account: Account, execution: Execution) -> None:
    assert execution.error == "ResultsInvalid", execution.cause
    assert "the commonest reasons: text, not an image (1)" in execution.cause
    names = account.names(f"runs/{execution.run_id}/")
    assert "invalid.json" in names
    assert "manifest.json" not in names
    if "latest.json" in account.names("runs/"):
        assert account.json("runs/latest.json")["runId"] != execution.run_id


@pytest.mark.deep
def test_force_computes_all_features_again_and_they_are_equal(account: Account, prefix: str, tmp_path: Path) -> None:
    given = {"mode": "apples", "input": prefix, "pca": {"components": 5}, "force": True}

    first, second = account.run(given), account.run(given)

    assert (first.status, second.status) == ("SUCCEEDED", "SUCCEEDED")
    verdict = account.json(f"runs/{second.run_id}/manifest.json")["validation"]
    assert verdict["computed"] == verdict["images"]
    assert _features(account, second, tmp_path / "second") == _features(account, first, tmp_path / "first")


@pytest.mark.deep
def test_a_run_refers_to_known_features_and_the_next_one_reduces_them(
    account: Account, prefix: str, tmp_path: Path
) -> None:
    # Another PCA than in the other tests, so that this run is not identical to one of theirs.
    given = {"mode": "apples", "input": prefix, "pca": {"components": 4}, "formats": ["parquet"]}
    first = account.run(given)
    assert first.status == "SUCCEEDED", first.cause
    images = account.json(f"runs/{first.run_id}/manifest.json")["validation"]["images"]
    image = next((account.sample / "Validation" / "Banana").glob("*.jpg"))
    account.put("data/again/Training/Apple A/another.jpg", image.read_bytes())

    second = account.run({**given, "reusedFeatures": "reference"})
    third = account.run({**given, "reusedFeatures": "reference", "pca": {"components": 3}})

    assert second.status == "SUCCEEDED", second.cause
    plan = account.json(f"runs/{second.run_id}/plan.json")
    assert (plan["reusedFeatures"], plan["newImages"]) == ("reference", 1)
    summary = account.json(f"runs/{second.run_id}/features/summary.json")
    assert (summary["computed"], summary["referenced"], summary["copied"]) == (1, images, 0)
    assert summary["outputs"]["reference"]["rows"] == images
    run = account.download(second.run_id, tmp_path / "second")
    assert pq.read_table(run / "features" / "reference").num_rows == images
    assert pq.read_table(run / "features" / "parquet").num_rows == 1
    reduced = pq.read_table(run / "pca" / "parquet").column("path").to_pylist()
    assert len(set(reduced)) == len(reduced) == images + 1
    # The third run has another PCA of the same features, which it reads through the second run's reference.
    assert third.status == "SUCCEEDED", third.cause
    assert _steps(account, third) == ["ReduceDimensions"]
    assert account.json(f"runs/{third.run_id}/plan.json")["features"].startswith(
        f"s3://{account.bucket}/runs/{second.run_id}/"
    )
    run = account.download(third.run_id, tmp_path / "third")
    assert set(pq.read_table(run / "pca" / "parquet").column("path").to_pylist()) == set(reduced)
