"""The Spark session of a job."""

from pyspark.sql import SparkSession


def start(name: str) -> SparkSession:
    """The session that spark-submit configured, with the settings that the jobs' results depend on."""
    session = SparkSession.builder.appName(f"orchard {name}").getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    session.conf.set("spark.sql.session.timeZone", "UTC")
    # The jobs shuffle lists of paths, never features: a few tasks a core are enough, and adaptive execution, which
    # makes a job of each shuffle, only adds to them.
    session.conf.set("spark.sql.adaptive.enabled", "false")
    session.conf.set("spark.sql.shuffle.partitions", str(2 * cores(session)))
    return session


def cores(session: SparkSession) -> int:
    """How many tasks run at once."""
    return max(1, session.sparkContext.defaultParallelism)
