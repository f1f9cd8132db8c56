"""Reports executors that a step has lost, and the work that was done again."""

import sys
from collections.abc import Iterator

from py4j.java_gateway import JavaObject
from pyspark import SparkContext

# Reasons for which Spark itself ends an executor (ExecutorAllocationManager.scala and YarnAllocator.scala, Spark 3.5).
ORDERLY_REASONS = ("idle", "killed by driver")
MAX_TASKS = 100_000
EVENTS_MS = 10_000


def report_losses(context: SparkContext, step: str) -> None:
    """Print a line about lost executors and failed attempts of tasks, if there are any."""
    try:
        losses = describe_losses(context)
    # A job must not fail because a line of its log cannot be written.
    except Exception as error:  # noqa: BLE001
        print(f"orchard: warning: the lost executors of {step} cannot be counted: {error}", file=sys.stderr)
        return
    if losses is not None:
        print(f"orchard: {step}: {losses}", flush=True)


def describe_losses(context: SparkContext) -> str | None:
    """Describe the lost executors and the attempts of tasks that failed; None if there are none.

    The seconds are the time that cores have spent on the failed attempts. Spark's status store keeps only the latest
    1,000 stages and 100 executors that have ended.

    Raises:
        Py4JJavaError: Spark has not processed its events within ten seconds.
    """
    spark: JavaObject = context._jsc.sc()
    spark.listenerBus().waitUntilEmpty(EVENTS_MS)
    lost = [reason for reason in _removal_reasons(spark) if not any(orderly in reason for orderly in ORDERLY_REASONS)]
    failed = list(_failed_seconds(context, spark))
    if not lost and not failed:
        return None
    first = f" ({' '.join(lost[0].split())})" if lost else ""
    return (
        f"executors lost: {len(lost)}{first}; attempts of tasks that failed: {len(failed)}, "
        f"in which a core has worked {sum(failed):.1f} s for nothing"
    )


def _removal_reasons(spark: JavaObject) -> Iterator[str]:
    """Yield why each executor that has ended was removed."""
    for executor in _items(spark.statusStore().executorList(False)):
        if not executor.isActive() and executor.removeReason().isDefined():
            yield executor.removeReason().get()


def _failed_seconds(context: SparkContext, spark: JavaObject) -> Iterator[float]:
    """Yield the seconds of each failed attempt of a task."""
    store, jvm, gateway = spark.statusStore(), context._jvm, context._gateway
    assert jvm is not None
    assert gateway is not None
    # stages in all states, without their tasks' details, summaries and quantiles; the tasks are not filtered by state
    options = (None, False, False, gateway.new_array(jvm.double, 0), jvm.java.util.ArrayList())
    for stage in _items(store.stageList(*options)):
        if stage.numFailedTasks() == 0:
            continue
        for task in _items(store.taskList(stage.stageId(), stage.attemptId(), MAX_TASKS)):
            if task.status() == "FAILED":
                yield task.duration().get() / 1000 if task.duration().isDefined() else 0.0


def _items(sequence: JavaObject) -> Iterator[JavaObject]:
    """Iterate over a sequence of Scala."""
    iterator = sequence.iterator()
    while iterator.hasNext():
        yield iterator.next()
