"""Nothing leaves this machine while a person with settings for other AWS accounts works on the embedded account.

Everything runs in a network namespace that has only the loopback device. The runs therefore succeed only if they need
no other network, and each packet to another address is recorded.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from . import sealed_network
from .account import NODE, ROOT, copy_prepared_account, free_port
from .processes import commands

PREFIX = sealed_network.prefix() if sys.platform.startswith("linux") else None
HOSTILE = json.loads((ROOT / "tests" / "cli" / "setup" / "hostile-environment.json").read_text())
OTHER_ACCOUNT: dict[str, str] = HOSTILE["otherAccount"] | {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://198.51.100.1:3128"),
    "CDK_PROFILE": "production",
    "CDK_DEFAULT_ACCOUNT": "123456789012",
}
CONFIG = """[default]
region = us-east-1
ignore_configured_endpoint_urls = true
use_fips_endpoint = true
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
[profile production]
region = us-east-1
credential_process = sh -c 'touch "$HOME/asked"; exit 1'
"""
# A connection to this address of a documentation network (RFC 5737) shows that the recording works.
CONTROL = "203.0.113.7"
SCRIPT = """set -eux
orchard start --keep --mode mini --limit 6 --components 2 --port {port}
orchard local > exports
eval "$(grep -E '^(export|unset) ' exports)"
orchard deploy --yes -c guardrails=false -c securityConfiguration=none -c allowSeededWeights=true \\
  -c wheelhouseFile={wheelhouse}
aws s3 ls
orchard run --mode mini --limit 6 --components 2
orchard destroy --yes --delete-data
orchard local down
{python} -c 'import socket; socket.socket().connect_ex(("{control}", 443))'
sleep 0.5
"""


@pytest.fixture
def person(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who works on an AWS account, in a folder with a space and an accent."""
    home = tmp_path / "you évé"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "config").write_text(CONFIG)
    (home / ".cdk.json").write_text(json.dumps({"profile": "production", "context": {"nonsense": "1"}}))
    (home / "orchard").write_text(
        f'#!/bin/sh\nexec {shlex.quote(str(NODE))} {shlex.quote(str(ROOT))}/cli/main.ts "$@"\n'
    )
    (home / "orchard").chmod(0o755)
    copy_prepared_account(home / "orchard's")
    path = [str(home), str(ROOT / ".orchard" / "python" / "bin"), os.environ["PATH"]]
    return OTHER_ACCOUNT | {"HOME": str(home), "ORCHARD_HOME": str(home / "orchard's"), "PATH": os.pathsep.join(path)}


@pytest.mark.skipif(PREFIX is None, reason="needs Linux with iproute2, and root or user namespaces")
def test_nothing_leaves_this_machine(person: dict[str, str]) -> None:
    assert PREFIX is not None
    home = Path(person["HOME"])
    wheelhouse = ROOT / ".orchard" / "wheelhouse" / "wheelhouse.tar"
    script = SCRIPT.format(
        port=free_port(), wheelhouse=shlex.quote(str(wheelhouse)), python=shlex.quote(sys.executable), control=CONTROL
    )
    command = [*PREFIX, sys.executable, sealed_network.__file__, str(home / "packets"), "bash", "-c", script]

    done = subprocess.run(command, env=person, cwd=home, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    packets = [json.loads(line) for line in (home / "packets").read_text().splitlines()]
    assert packets == [{"to": f"tcp {CONTROL}:443"}]
    assert not (home / "asked").exists()
    assert commands(home) == []
