"""Add features to MiniStack that the embedded account needs.

- EventBridge rules invoke functions at the account's endpoint, where they run under their roles.
- PutEvents accepts sources that begin with "aws.", so that Step Functions can publish its status changes.
- CloudFormation creates security group rules as resources of their own, which groups that refer to each other need,
  budgets and EMR security configurations.
- Scheduler starts executions, by the universal target of StartExecution.
- STS issues access keys that the gateway recognizes as the account's.
"""

import hmac
import json
import os
import secrets
import threading
import urllib.parse
import urllib.request
from typing import Any

from ministack.services import budgets, ec2, eventbridge, sts  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]


def add_all() -> None:
    """Add the features to the services of this process."""
    eventbridge._put_events.__defaults__ = (True,)  # allow_aws_source
    eventbridge._dispatch_to_lambda = invoke_function
    sts._gen_session_access_key = session_key_id
    add_start_execution_target()
    add_group_rules("AWS::EC2::SecurityGroupIngress", "IpPermissions")
    add_group_rules("AWS::EC2::SecurityGroupEgress", "IpPermissionsEgress")
    add_budgets()
    add_security_configurations()


def session_key_id() -> str:
    """Return a new id of 40 characters; its last 20 are a code of 80 bits that only the account's secret can make."""
    nonce = secrets.token_hex(8).upper()
    key = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    return f"ASIA{nonce}{hmac.new(key, f'session {nonce}'.encode(), 'sha256').hexdigest()[:20].upper()}"


def add_group_rules(resource: str, permissions: str) -> None:
    """Let CloudFormation add a rule to a security group and remove it."""

    def change(method: str, props: dict[str, Any]) -> None:
        group = ec2._security_groups.get(props["GroupId"])
        for permission in provisioners._ec2_sg_permissions([props]):
            # The group may have been deleted before its rule.
            if group is not None and (method == "append" or permission in group[permissions]):
                getattr(group[permissions], method)(permission)

    def create(logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        change("append", props)
        return f"{props['GroupId']}/{logical_id}", {}

    def delete(_physical_id: str, props: dict[str, Any]) -> None:
        change("remove", props)

    provisioners._RESOURCE_HANDLERS[resource] = {"create": create, "delete": delete}


def add_security_configurations() -> None:
    """Let CloudFormation create and delete security configurations. Nothing applies them, so only names are kept."""
    names: set[str] = set()

    def create(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        # CloudFormation generates the name of a resource that may have one and has none.
        name = props.get("Name") or f"{stack}-{logical_id}-{secrets.token_hex(6)}"
        if name in names:
            # Wording: github.com/awsdocs/aws-cloudformation-user-guide/issues/927
            raise ValueError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
        names.add(name)
        return name, {}

    def delete(name: str, _props: dict[str, Any]) -> None:
        names.discard(name)

    provisioners._RESOURCE_HANDLERS["AWS::EMR::SecurityConfiguration"] = {"create": create, "delete": delete}


def add_budgets() -> None:
    """Let CloudFormation create, update and delete MiniStack's budgets."""

    def create(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        name = f"{stack}-{logical_id}"
        budgets._delete_budget({"BudgetName": name})
        status, _, body = budgets._create_budget(props | {"Budget": props["Budget"] | {"BudgetName": name}})
        if status != 200:
            raise ValueError(body)
        return name, {}

    def update(
        _id: str, _old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str
    ) -> tuple[str, dict[str, str]]:
        return create(logical_id, new, stack)

    def delete(name: str, _props: dict[str, Any]) -> None:
        budgets._delete_budget({"BudgetName": name})

    provisioners._RESOURCE_HANDLERS["AWS::Budgets::Budget"] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }


def start_execution(parameters: dict[str, str], role: str) -> None:
    """Call StartExecution at the account's endpoint; its parameter names begin in lower case, unlike Scheduler's."""
    body = {name[0].lower() + name[1:]: value for name, value in parameters.items()}
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AWSStepFunctions.StartExecution",
        "X-Orchard-Source": "scheduler",
        "X-Orchard-Role": role,
    }
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=60).close()


def add_start_execution_target() -> None:
    """Let schedules call StartExecution as a universal target."""
    invoke_target = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], *rest: object) -> None:
        if not str(target.get("Arn")).endswith(":scheduler:::aws-sdk:sfn:startExecution"):
            invoke_target(target, event, *rest)
            return
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
        execution_id = event["EventId"].replace("-", "")[:16]
        start_execution(
            json.loads(target["Input"].replace("<aws.scheduler.execution-id>", execution_id)), target["RoleArn"]
        )

    eventbridge._invoke_target = invoke


def invoke_function(arn: str, payload: str) -> None:
    """Invoke a rule's function at the account's endpoint, in a thread because the endpoint calls MiniStack in turn."""

    def post() -> None:
        function = urllib.parse.quote(arn, safe="")
        url = f"{os.environ['AWS_ENDPOINT_URL']}/2015-03-31/functions/{function}/invocations"
        headers = {"X-Amz-Invocation-Type": "Event", "X-Orchard-Source": "events"}
        request = urllib.request.Request(url, payload.encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except OSError as error:
            print(f"A rule could not invoke the function {arn}: {error}", flush=True)

    threading.Thread(target=post, daemon=True).start()
