"""Starts the Spark context of a job, and its SQL session."""

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession


def start(name: str) -> SparkContext:
    """Return the context that spark-submit configured.

    It has no SQL session, because the first query takes seconds (measured: 6 s of a step's 12 s on two cores).
    """
    context = SparkContext.getOrCreate(SparkConf().setAppName(f"orchard {name}"))
    context.setLogLevel("WARN")
    return context


def sql(context: SparkContext) -> SparkSession:
    """Return the SQL session, with the settings that the jobs' results depend on."""
    session = SparkSession.builder.getOrCreate()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    # The jobs shuffle only lists of paths, so a few tasks for each core are enough. Adaptive execution would run each
    # shuffle as a job of its own, and only add time.
    session.conf.set("spark.sql.adaptive.enabled", "false")
    session.conf.set("spark.sql.shuffle.partitions", str(2 * cores(context)))
    return session


def cores(context: SparkContext) -> int:
    """Return the number of tasks that run at the same time, at least 1."""
    return max(1, context.defaultParallelism)
