"""The Spark context of a job, and its SQL session."""

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession


def start(name: str) -> SparkContext:
    """The context that spark-submit configured.

    It comes without SQL, whose first query alone takes seconds (measured: 6 s on two cores, of a step's 12).
    """
    context = SparkContext.getOrCreate(SparkConf().setAppName(f"orchard {name}"))
    context.setLogLevel("WARN")
    return context


def sql(context: SparkContext) -> SparkSession:
    """The SQL session, with the settings that the jobs' results depend on."""
    session = SparkSession.builder.getOrCreate()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    # The jobs shuffle lists of paths, never features: a few tasks a core are enough, and adaptive execution, which
    # makes a job of each shuffle, only adds to them.
    session.conf.set("spark.sql.adaptive.enabled", "false")
    session.conf.set("spark.sql.shuffle.partitions", str(2 * cores(context)))
    return session


def cores(context: SparkContext) -> int:
    """How many tasks run at once."""
    return max(1, context.defaultParallelism)
