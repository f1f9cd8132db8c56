"""What the embedded account needs of MiniStack and MiniStack does not have.

A rule's function runs where all functions run, behind the account's endpoint, under its role. PutEvents refuses sources
that begin with "aws.", as AWS's does: but the account's own Step Functions publishes its status changes through it.
CloudFormation lacks the rules of security groups that are resources of their own, as those of groups that name each
other have to be; budgets, which MiniStack itself has; and EMR's security configurations. And its Scheduler knows no
target that calls an API: the one that starts executions is served by the account's own Step Functions.
"""

import json
import os
import threading
import urllib.parse
import urllib.request
from typing import Any

from ministack.services import budgets, ec2, eventbridge  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]


def add_all() -> None:
    """Add all of it to the services that run in this process."""
    eventbridge._put_events.__defaults__ = (True,)  # allow_aws_source
    eventbridge._dispatch_to_lambda = invoke
    serve_start_execution()
    add_group_rules("AWS::EC2::SecurityGroupIngress", "IpPermissions")
    add_group_rules("AWS::EC2::SecurityGroupEgress", "IpPermissionsEgress")
    add_budgets()
    # The embedded EMR takes any name of one, and has nothing to apply it to.
    provisioners._RESOURCE_HANDLERS["AWS::EMR::SecurityConfiguration"] = {
        "create": lambda _logical_id, props, _stack: (props["Name"], {}),
        "delete": lambda _physical_id, _props: None,
    }


def add_group_rules(resource: str, permissions: str) -> None:
    """Let CloudFormation put a rule into a group, and take it out again."""

    def change(method: str, props: dict[str, Any]) -> None:
        group = ec2._security_groups.get(props["GroupId"])
        for permission in provisioners._ec2_sg_permissions([props]):
            # The group, and its rules with it, may be gone.
            if group is not None and (method == "append" or permission in group[permissions]):
                getattr(group[permissions], method)(permission)

    def create(logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        change("append", props)
        return f"{props['GroupId']}/{logical_id}", {}

    def delete(_physical_id: str, props: dict[str, Any]) -> None:
        change("remove", props)

    provisioners._RESOURCE_HANDLERS[resource] = {"create": create, "delete": delete}


def add_budgets() -> None:
    """Let CloudFormation make MiniStack's budgets, and delete them."""

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
    """Call StartExecution of the account's endpoint; the API's names begin with a small letter, Scheduler's do not."""
    body = {name[0].lower() + name[1:]: value for name, value in parameters.items()}
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AWSStepFunctions.StartExecution",
        "X-Orchard-Source": "scheduler",
        "X-Orchard-Role": role,
    }
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=60).close()


def serve_start_execution() -> None:
    """Let schedules call StartExecution, as Scheduler's universal target does."""
    invoke_others = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], *rest: object) -> None:
        if not str(target.get("Arn")).endswith(":scheduler:::aws-sdk:sfn:startExecution"):
            invoke_others(target, event, *rest)
            return
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
        execution_id = event["EventId"].replace("-", "")[:16]
        start_execution(
            json.loads(target["Input"].replace("<aws.scheduler.execution-id>", execution_id)), target["RoleArn"]
        )

    eventbridge._invoke_target = invoke


def invoke(arn: str, payload: str) -> None:
    """Invoke the function that a rule names, at the account's endpoint: in a thread, since that may ask us back."""

    def post() -> None:
        function = urllib.parse.quote(arn, safe="")
        url = f"{os.environ['AWS_ENDPOINT_URL']}/2015-03-31/functions/{function}/invocations"
        headers = {"X-Amz-Invocation-Type": "Event", "X-Orchard-Source": "events"}
        request = urllib.request.Request(url, payload.encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except OSError as error:
            print(f"The function {arn} of a rule was not invoked: {error}", flush=True)

    threading.Thread(target=post, daemon=True).start()
