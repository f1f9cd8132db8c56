"""Records the API calls in the accounts of these tests, and the policies of the roles that made them."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("ORCHARD_HOME", ROOT / ".orchard")) / "tests" / "api-calls"
"""`npm test` empties this folder before the tests, and checks the records in it afterwards."""

STACK = "Orchard"


def keep(home: Path, endpoint: str, env: dict[str, str]) -> None:
    """Writes the record of the running account in `home` for infra/check/check-calls.ts."""
    session = boto3.Session(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name=env["AWS_REGION"])
    iam = session.client("iam", endpoint_url=endpoint)
    stack = session.client("cloudformation", endpoint_url=endpoint)
    resources = stack.describe_stack_resources(StackName=STACK)["StackResources"]
    roles = {}
    for resource in resources:
        if resource["ResourceType"] == "AWS::IAM::Role":
            name = resource["PhysicalResourceId"]
            roles[iam.get_role(RoleName=name)["Role"]["Arn"]] = {
                "logicalId": resource["LogicalResourceId"],
                "policies": {policy: _document(iam, name, policy) for policy in _policies(iam, name)},
            }
    lines = (home / "account" / "api-calls.jsonl").read_text().splitlines()
    calls = [call for call in map(json.loads, lines) if call["role"] is not None]
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    (FOLDER / f"e2e-{name}.json").write_text(json.dumps({"roles": roles, "calls": calls}))


def _policies(iam: Any, role: str) -> list[str]:
    names: list[str] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return names


def _document(iam: Any, role: str, policy: str) -> Any:
    return iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
