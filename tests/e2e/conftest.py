import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from .account import NODE, ROOT, Account, free_port, without_aws

START_SECONDS = 120
STOP_SECONDS = 60


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """`npm run local` in a folder of its own, with the generated sample in its bucket."""
    home = tmp_path_factory.mktemp("orchard")
    process = subprocess.Popen(
        [NODE, "cli/main.ts", "local", "--json", "--port", str(free_port())],
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
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
