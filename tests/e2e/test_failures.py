"""What goes wrong says why, costs nothing more and leaves no cluster."""

import json

import pytest

from .account import Account


@pytest.mark.parametrize(
    ("execution_input", "says"),
    [
        ({"mode": "everything"}, "everything"),
        ({"mode": "mini", "limt": 10}, "limit"),
        ({"mode": "single-class", "label": "Aple Golden 1"}, "Apple Golden 1"),
        ({"mode": "mini", "limit": 1}, "limit"),
        ({"mode": "mini", "limit": 20, "pca": {"components": 20}}, "19"),
        ({"mode": "mini", "pca": {"components": 1281}}, "299"),
        ({"mode": "mini", "splits": ["Trainig"]}, "Training"),
        ({"mode": "mini", "input": "s3://no-such-bucket-anywhere/images/"}, "no-such-bucket-anywhere"),
        ([1, 2, 3], "object"),
    ],
)
def test_bad_input_is_refused_before_anything_is_created(account: Account, execution_input: object, says: str) -> None:
    execution = account.run(execution_input)

    assert execution.status == "FAILED"
    assert execution.error in {"InvalidInput", "PreflightFailed"}
    assert says in execution.cause
    assert account.clusters(execution.run_id) == []
    [mail] = account.mails(execution.run_id)
    assert says in mail["message"]


def test_an_empty_prefix_is_refused(account: Account) -> None:
    execution = account.run({"mode": "apples", "input": f"s3://{account.bucket}/data/nothing/"})

    assert (execution.status, account.clusters(execution.run_id)) == ("FAILED", [])
    assert "data/nothing/" in execution.cause


def test_a_spark_step_that_fails_names_its_own_error(account: Account) -> None:
    arn = account.start({"mode": "mini", "limit": 10, "pca": {"components": 2}})
    account.wait_for_state(arn, "CreateCluster")
    run_id = arn.rsplit(":", 1)[1]
    # Preflight has seen the model; it is gone when the step wants it.
    plan_uri = f"s3://{account.bucket}/runs/{run_id}/plan.json"
    plan = account.aws("s3", "cp", plan_uri, "-")
    model = f"s3://{account.bucket}/{plan['model']['key']}"
    account.aws("s3", "mv", "--only-show-errors", model, f"{model}.aside")

    try:
        execution = account.wait(arn)
    finally:
        account.aws("s3", "mv", "--only-show-errors", f"{model}.aside", model)

    assert execution.status == "FAILED"
    assert execution.error == "States.TaskFailed"
    assert "model.tflite" in execution.cause
    assert "\n" not in execution.cause
    [cluster] = account.clusters(run_id)
    assert cluster["Status"]["State"] == "TERMINATED"
    steps = {
        step["Name"]: step["Status"]["State"]
        for step in account.aws("emr", "list-steps", "--cluster-id", cluster["Id"])["Steps"]
    }
    assert steps == {"Inventory": "COMPLETED", "ExtractFeatures": "FAILED"}
    [mail] = account.mails(run_id)
    assert "model.tflite" in mail["message"].splitlines()[0]
    assert "start-execution" in mail["message"]


def test_too_many_bad_images_make_the_results_invalid(
    account: Account, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bad") / "Training"
    for label in ["Apple A", "Apple B"]:
        (folder / label).mkdir(parents=True)
    for number, image in enumerate(sorted((account.sample / "Training").glob("Apple*/*.jpg"))[:20]):
        (folder / ("Apple A" if number % 2 else "Apple B") / f"é 🍎 {number}+#?%20_100.jpg").write_bytes(
            image.read_bytes()
        )
    (folder / "Apple A" / "broken.jpg").write_bytes(b"no image at all")
    prefix = f"s3://{account.bucket}/data/some bad ones/"
    account.aws("s3", "cp", "--recursive", "--only-show-errors", str(folder.parent), prefix)

    execution = account.run({"mode": "apples", "input": prefix, "pca": {"components": 2}})

    assert execution.error == "ResultsInvalid", execution.cause
    assert "the commonest reasons: not an image (1)" in execution.cause
    listing = account.aws(
        "s3api", "list-objects-v2", "--bucket", account.bucket, "--prefix", f"runs/{execution.run_id}/"
    )
    names = {item["Key"].removeprefix(f"runs/{execution.run_id}/") for item in listing["Contents"]}
    assert "invalid.json" in names
    assert "manifest.json" not in names
    latest = account.aws("s3api", "list-objects-v2", "--bucket", account.bucket, "--prefix", "runs/latest.json")
    if "Contents" in latest:
        assert account.aws("s3", "cp", f"s3://{account.bucket}/runs/latest.json", "-")["runId"] != execution.run_id


def test_stop_execution_ends_the_cluster(account: Account) -> None:
    arn = account.start({"mode": "mini", "force": True})
    account.wait_for_state(arn, "Inventory")
    account.aws("stepfunctions", "stop-execution", "--execution-arn", arn, "--cause", "changed my mind")

    execution = account.wait(arn)
    assert execution.status == "ABORTED"
    [cluster] = account.clusters(execution.run_id)
    account.aws("emr", "wait", "cluster-terminated", "--cluster-id", cluster["Id"])


def test_the_aws_cli_sees_executions_clusters_and_objects(account: Account) -> None:
    execution = account.run({"mode": "inventory", "splits": ["Validation"]})

    [cluster] = account.clusters(execution.run_id)
    described = account.aws("emr", "describe-cluster", "--cluster-id", cluster["Id"])["Cluster"]
    assert {"Key": "orchard:execution-arn", "Value": execution.arn} in described["Tags"]
    [step] = account.aws("emr", "list-steps", "--cluster-id", cluster["Id"])["Steps"]
    assert (step["Name"], step["Status"]["State"]) == ("Inventory", "COMPLETED")
    history = account.history(execution.arn)
    assert (history[0]["type"], history[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert json.loads(history[0]["executionStartedEventDetails"]["input"]) == {
        "mode": "inventory",
        "splits": ["Validation"],
    }
    listed = account.aws("s3api", "list-objects-v2", "--bucket", account.bucket, "--prefix", "logs/emr/")["Contents"]
    assert any(item["Key"].endswith(f"{step['Id']}/stderr.gz") for item in listed)
