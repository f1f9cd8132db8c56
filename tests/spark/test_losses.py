"""A step's log says which work was done again."""

import re
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from orchard.losses import _removal_reasons, describe_losses, report_losses
from pyspark.sql import SparkSession


def test_failed_attempts_are_counted(spark: SparkSession) -> None:
    def fail(_: int) -> NoReturn:
        raise ValueError("no such image")

    with pytest.raises(Exception, match="no such image"):
        spark.sparkContext.parallelize([1], 1).foreach(fail)

    text = describe_losses(spark.sparkContext)

    assert text is not None
    assert re.fullmatch(
        r"executors lost: 0; attempts of tasks that failed: [1-9]\d*, in which a core has worked \d+\.\d s for nothing",
        text,
    )


def test_a_log_that_cannot_be_written_does_not_fail_the_step(capsys: pytest.CaptureFixture[str]) -> None:
    context: Any = SimpleNamespace(_jsc=None)

    report_losses(context, "features")

    assert "warning: the lost executors of features cannot be counted" in capsys.readouterr().err


def test_only_executors_that_have_ended_have_a_reason() -> None:
    def executor(reason: str | None, *, active: bool) -> Any:
        option = SimpleNamespace(isDefined=lambda: reason is not None, get=lambda: reason)
        return SimpleNamespace(isActive=lambda: active, removeReason=lambda: option)

    executors = [executor("lost", active=False), executor(None, active=True), executor(None, active=False)]
    scala = SimpleNamespace(hasNext=lambda: bool(executors), next=lambda: executors.pop(0))
    store = SimpleNamespace(executorList=lambda _: SimpleNamespace(iterator=lambda: scala))

    assert list(_removal_reasons(SimpleNamespace(statusStore=lambda: store))) == ["lost"]
