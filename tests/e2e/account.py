"""The embedded account with the deployed stack, driven by the real AWS CLI, as a person would."""

import json
import os
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
AWS = ROOT / ".orchard" / "python" / "bin" / "aws"
NODE = ROOT / "node_modules" / ".bin" / "node"
RUN_SECONDS = 300


@dataclass(frozen=True)
class Execution:
    """How an execution ended: `run_id` is its name."""

    arn: str
    run_id: str
    status: str
    error: str
    cause: str


@dataclass(frozen=True)
class Account:
    """A running account; everything is asked through the AWS CLI."""

    endpoint: str
    env: dict[str, str]
    state_machine: str
    bucket: str
    process: "subprocess.Popen[str]"
    sample: Path

    def aws(self, *args: str) -> Any:
        """Runs one AWS CLI command and answers its JSON, or None when it prints nothing."""
        done = subprocess.run(
            [AWS, *args, "--output", "json"], env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"aws {' '.join(args)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def start(self, execution_input: object) -> str:
        """Starts an execution and answers its ARN."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        text = json.dumps(execution_input)
        answer = self.aws(
            "stepfunctions",
            "start-execution",
            "--state-machine-arn",
            self.state_machine,
            "--name",
            name,
            "--input",
            text,
        )
        return str(answer["executionArn"])

    def wait(self, arn: str) -> Execution:
        """Waits for the end of an execution."""
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            found = self.aws("stepfunctions", "describe-execution", "--execution-arn", arn)
            if found["status"] != "RUNNING":
                return Execution(arn, found["name"], found["status"], found.get("error", ""), found.get("cause", ""))
            assert time.monotonic() < deadline, f"{arn} still runs after {RUN_SECONDS} s"
            time.sleep(0.5)

    def run(self, execution_input: object) -> Execution:
        """Starts an execution and waits for its end."""
        return self.wait(self.start(execution_input))

    def history(self, arn: str) -> list[dict[str, Any]]:
        """All events of an execution."""
        events = self.aws("stepfunctions", "get-execution-history", "--execution-arn", arn)["events"]
        assert isinstance(events, list)
        return events

    def states(self, arn: str) -> list[str]:
        """The states that an execution entered, in order."""
        return [e["stateEnteredEventDetails"]["name"] for e in self.history(arn) if "stateEnteredEventDetails" in e]

    def wait_for_state(self, arn: str, state: str) -> None:
        """Waits until an execution has entered a state."""
        deadline = time.monotonic() + RUN_SECONDS
        while state not in self.states(arn):
            assert time.monotonic() < deadline, f"{arn} never came to {state}"
            time.sleep(0.3)

    def clusters(self, run_id: str) -> list[dict[str, Any]]:
        """The clusters, of any state, that an execution created."""
        found = self.aws("emr", "list-clusters")["Clusters"]
        return [cluster for cluster in found if cluster["Name"] == f"orchard-{run_id}"]

    def download(self, run_id: str, folder: Path) -> Path:
        """Copies all that a run left to a folder."""
        self.aws("s3", "cp", "--recursive", "--only-show-errors", f"s3://{self.bucket}/runs/{run_id}/", str(folder))
        return folder

    def mails(self, run_id: str) -> list[dict[str, str]]:
        """What a subscriber of the topic got about a run."""
        done = subprocess.run(["curl", "-sf", f"{self.endpoint}/_orchard/mail"], capture_output=True, check=True)
        return [mail for mail in json.loads(done.stdout) if run_id in mail["message"]]


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def without_aws() -> dict[str, str]:
    """The environment without what would point an AWS tool at a real account."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
