"""Drives the embedded account with the deployed stack by the real AWS CLI, as a user would.

Frequent requests go through boto3, because each call of the CLI keeps a core busy for most of a second.
"""

import functools
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from .api_calls import keep

ROOT = Path(__file__).parents[2]
AWS = ROOT / ".orchard" / "python" / "bin" / "aws"
NODE = ROOT / "node_modules" / ".bin" / "node"
RUN_SECONDS = 900
START_SECONDS = 180
STOP_SECONDS = 180


@dataclass(frozen=True)
class Execution:
    """The end of an execution. `run_id` is the execution's name."""

    arn: str
    run_id: str
    status: str
    error: str
    cause: str


@dataclass(frozen=True)
class Account:
    """A running account and its AWS CLI."""

    endpoint: str
    env: dict[str, str]
    state_machine: str
    bucket: str
    process: "subprocess.Popen[str]"
    sample: Path

    def aws(self, *args: str) -> Any:
        """Runs an AWS CLI command and returns its JSON, or None if it prints nothing."""
        done = subprocess.run(
            [AWS, *args, "--output", "json"], env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"aws {' '.join(args)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def client(self, service: str) -> Any:
        """Returns boto3's client of a service."""
        return _client(
            service,
            self.endpoint,
            self.env["AWS_REGION"],
            self.env["AWS_ACCESS_KEY_ID"],
            self.env["AWS_SECRET_ACCESS_KEY"],
        )

    def deploy(self, folder: Path, **knobs: str) -> None:
        """Deploys the account's stack again with additional knobs. `folder` is for the CDK's output."""
        tools = ROOT / ".orchard"
        given = {
            "modelFile": str(tools / "model" / "model.tflite"),
            "wheelhouseFile": str(tools / "wheelhouse" / "wheelhouse.tar"),
            "allowSeededWeights": "true",
            "securityConfiguration": "none",
        }
        flags = [flag for key, value in (given | knobs).items() for flag in ("-c", f"{key}={value}")]
        cdk = ["cdk", "deploy", "Orchard", "--require-approval", "never", "--ci", "--output", str(folder / "cdk.out")]
        path = f"{ROOT / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [*cdk, *flags], cwd=ROOT, env=self.env | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, execution_input: object) -> str:
        """Starts an execution and returns its ARN."""
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=self.state_machine,
            name=f"test-{uuid.uuid4().hex[:12]}",
            input=json.dumps(execution_input),
        )
        return str(answer["executionArn"])

    def wait(self, arn: str, seconds: float = RUN_SECONDS) -> Execution:
        """Waits for the end of an execution."""
        deadline = time.monotonic() + seconds
        while (found := self.client("stepfunctions").describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{arn} still runs after {seconds} s"
            time.sleep(0.3)
        return Execution(arn, found["name"], found["status"], found.get("error", ""), found.get("cause", ""))

    def run(self, execution_input: object, seconds: float = RUN_SECONDS) -> Execution:
        """Starts an execution and waits for its end."""
        return self.wait(self.start(execution_input), seconds)

    def stop_execution(self, arn: str, cause: str = "") -> None:
        """Stops an execution, as a user may."""
        self.client("stepfunctions").stop_execution(executionArn=arn, cause=cause)

    def describe(self, arn: str) -> dict[str, Any]:
        """Describes an execution."""
        described: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=arn)
        return described

    def states(self, arn: str) -> list[str]:
        """Returns the states that an execution entered, in order."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def wait_for_state(self, arn: str, state: str) -> None:
        """Waits until an execution has entered a state.

        Raises:
            AssertionError: It has ended without that, or takes too long.
        """
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            # Read the status first: the history of an ended execution is complete.
            description = self.describe(arn)
            if state in self.states(arn):
                return
            assert description["status"] == "RUNNING", f"{arn} ended before {state}: {description.get('cause')}"
            assert time.monotonic() < deadline, f"{arn} never came to {state}"
            time.sleep(0.1)

    def clusters(self, run_id: str) -> list[dict[str, Any]]:
        """Lists the clusters, in any state, that an execution created."""
        found = self.client("emr").list_clusters()["Clusters"]
        return [cluster for cluster in found if cluster["Name"] == f"orchard-{run_id}"]

    def steps(self, cluster_id: str) -> list[dict[str, Any]]:
        """Lists a cluster's steps, the oldest first."""
        steps: list[dict[str, Any]] = self.client("emr").list_steps(ClusterId=cluster_id)["Steps"]
        return steps[::-1]

    def wait_for_clusters_to_go(self, run_id: str) -> None:
        """Waits until every cluster that an execution created has terminated, with or without errors."""
        self.wait_for_clusters(run_id, ("TERMINATED", "TERMINATED_WITH_ERRORS"))

    def wait_for_clusters(self, run_id: str, states: Container[str]) -> None:
        """Waits until every cluster that an execution created is in one of the states."""
        deadline = time.monotonic() + RUN_SECONDS
        while not all(cluster["Status"]["State"] in states for cluster in self.clusters(run_id)):
            assert time.monotonic() < deadline, f"a cluster of {run_id} is not {states} after {RUN_SECONDS} s"
            time.sleep(0.2)

    def download(self, run_id: str, folder: Path) -> Path:
        """Downloads all results of a run to a folder."""
        prefix = f"runs/{run_id}/"
        for name in self.names(prefix):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self.client("s3").download_file(self.bucket, prefix + name, str(target))
        return folder

    def upload(self, folder: Path, prefix: str) -> None:
        """Uploads the files of a folder under a prefix of the bucket."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.client("s3").upload_file(str(file), self.bucket, f"{prefix}{file.relative_to(folder).as_posix()}")

    def move(self, key: str, to: str) -> None:
        """Gives an object of the bucket another key."""
        source = {"Bucket": self.bucket, "Key": key}
        self.client("s3").copy(source, self.bucket, to)
        self.client("s3").delete_object(**source)

    def put(self, key: str, content: bytes) -> None:
        """Writes an object into the bucket."""
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def text(self, key: str) -> str:
        """Reads the gzipped text at a key of the bucket."""
        body = self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"]
        return gzip.decompress(body.read()).decode()

    def names(self, prefix: str) -> set[str]:
        """Lists the keys below a prefix of the bucket, without the prefix."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"].removeprefix(prefix) for page in pages for item in page.get("Contents", [])}

    def json(self, key: str) -> Any:
        """Reads the JSON document at a key of the bucket."""
        return json.load(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"])

    def curl(self, path: str, *options: str) -> Any:
        """Asks the embedded account itself, below /_orchard/, and returns the JSON of its answer."""
        key = f"{self.env['AWS_ACCESS_KEY_ID']}:{self.env['AWS_SECRET_ACCESS_KEY']}"
        command = ["curl", "-sf", "-u", key, *options, f"{self.endpoint}/_orchard/{path}"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    def mails(self, run_id: str) -> list[dict[str, str]]:
        """Returns the mails about a run that a subscriber of the topic has received."""
        return [mail for mail in self.curl("mail") if run_id in mail["message"]]

    def wait_for_mails(self, run_id: str) -> list[dict[str, str]]:
        """Waits until there are mails about a run: those of a stopped execution arrive after its end."""
        deadline = time.monotonic() + RUN_SECONDS
        while not (found := self.mails(run_id)):
            assert time.monotonic() < deadline, f"no mail mentions {run_id}"
            time.sleep(0.5)
        return found


@functools.cache
def _client(service: str, endpoint: str, region: str, key: str, secret: str) -> Any:
    return boto3.client(
        service, endpoint_url=endpoint, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret
    )


@contextmanager
def started_account(home: Path, port: int | None = None, *, yarn: bool = False) -> Iterator[Account]:
    """Runs `npm run local` in a separate folder, with the generated sample in its bucket.

    `port`: the port of the folder's earlier account, at which its subscribers are called; by default, a free one.
    `yarn`: whether clusters run YARN.
    """
    if not home.exists() or not any(home.iterdir()):
        copy_prepared_account(home)
    process = subprocess.Popen(
        [NODE, "cli/main.ts", "local", "--json", "--port", str(port or free_port()), *(["--yarn"] if yarn else [])],
        cwd=ROOT,
        env=without_aws() | {"ORCHARD_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the account did not start: exit code {process.wait(START_SECONDS)}"
        answer = json.loads(line)
        yield Account(
            endpoint=answer["endpoint"],
            env=without_aws() | answer["env"],
            state_machine=answer["stateMachineArn"],
            bucket=answer["bucket"],
            process=process,
            sample=home / "sample",
        )
        if process.poll() is None:
            keep(home, answer["endpoint"], answer["env"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def copy_prepared_account(home: Path) -> None:
    """Copies the account that `npm test` has deployed, so that the start finds nothing to deploy."""
    prepared = os.environ.get("ORCHARD_TEST_ACCOUNT")
    if prepared is None:
        return
    while not Path(prepared).exists():
        time.sleep(0.2)
    shutil.copytree(prepared, home, symlinks=True, dirs_exist_ok=True)


def free_port() -> int:
    """Finds a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def without_aws() -> dict[str, str]:
    """Returns the environment without the variables that could lead an AWS tool to a real account."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
