"""The deployed stack is protected from being deleted by accident."""

import pytest
from botocore.exceptions import ClientError

from .account import Account


def test_the_stack_is_protected_from_being_deleted_in_the_console(account: Account) -> None:
    cloudformation = account.client("cloudformation")

    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName="Orchard")

    [stack] = cloudformation.describe_stacks(StackName="Orchard")["Stacks"]
    assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
