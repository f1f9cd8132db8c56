"""Runs bootstrap.sh with a fake `aws s3 cp` that copies from a folder."""

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "bootstrap" / "bootstrap.sh"
WHEELHOUSE = ROOT / ".orchard" / "wheelhouse" / "wheelhouse.tar"
AWS = """#!/bin/bash
# aws s3 cp --only-show-errors s3://bucket/key file
echo "$@" >> {bucket}/calls
exec cp "{bucket}/${{4#s3://bucket/}}" "$5"
"""


class Node:
    """A node in a folder, with a bucket beside it."""

    def __init__(self, folder: Path) -> None:
        self.bucket = folder / "bucket"
        self.prefix = folder / "node"
        self.tools = folder / "tools"
        self.python = self.prefix / "opt" / "orchard" / "python" / "bin" / "python"
        for path in (self.bucket, self.prefix, self.tools):
            path.mkdir()
        self.tool("aws", AWS.format(bucket=self.bucket))
        # This machine's Python 3.11 may have another name on the PATH.
        self.tool("python3.11", f'#!/bin/bash\nexec {getattr(sys, "_base_executable")} "$@"\n')  # noqa: B009

    def tool(self, name: str, content: str) -> None:
        (self.tools / name).write_text(content)
        (self.tools / name).chmod(0o755)

    def put(self, name: str, content: bytes) -> str:
        """Put an object into the bucket and return its sha256."""
        (self.bucket / name).write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def run(self, *arguments: str, umask: int = -1) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": f"{self.tools}:/usr/bin:/bin",
            "HOME": str(self.prefix),
            "ORCHARD_PREFIX": str(self.prefix),
        }
        command = ["bash", str(SCRIPT), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=300, umask=umask
        )


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.fixture(scope="module")
def made() -> str:
    """Return the sha256 of this machine's wheelhouse, which is made if it does not exist."""
    command = [sys.executable, str(ROOT / "bootstrap" / "wheelhouse.py")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def wheelhouse(tmp_path: Path, requirements: str) -> bytes:
    """Return a wheelhouse with the wheel of pip and the given requirements."""
    with tarfile.open(WHEELHOUSE) as tar:
        [pip] = [name for name in tar.getnames() if name.startswith("pip-")]
        tar.extract(pip, tmp_path, filter="data")
    (tmp_path / "requirements.txt").write_text(requirements)
    with tarfile.open(tmp_path / "made.tar", "w") as tar:
        for name in (pip, "requirements.txt"):
            tar.add(tmp_path / name, name)
    return (tmp_path / "made.tar").read_bytes()


def wheelhouse_of_empty_modules(tmp_path: Path) -> bytes:
    """Return a wheelhouse whose pip writes empty modules of the names that the script imports."""
    install = """
import pathlib, sysconfig
folder = pathlib.Path(sysconfig.get_path("purelib"))
for package in ("ai_edge_litert", "obstore", "PIL", "pyarrow"):
    (folder / package).mkdir(exist_ok=True)
for name in ("ai_edge_litert/interpreter", "numpy", "obstore/store", "PIL/Image", "PIL/JpegImagePlugin",
             "PIL/PngImagePlugin", "pyarrow/fs", "pyarrow/parquet"):
    (folder / f"{name}.py").touch()
(folder / "boto3.py").write_text("def client(*names, **settings): pass")
"""
    with zipfile.ZipFile(tmp_path / "pip-0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pip/__main__.py", install)
    (tmp_path / "requirements.txt").write_text("")
    with tarfile.open(tmp_path / "made.tar", "w") as tar:
        for name in ("pip-0-py3-none-any.whl", "requirements.txt"):
            tar.add(tmp_path / name, name)
    return (tmp_path / "made.tar").read_bytes()


def test_the_environment_has_the_libraries_that_the_job_imports(node: Node, made: str) -> None:
    os.link(WHEELHOUSE, node.bucket / "wheelhouse.tar")

    done = node.run("s3://bucket/wheelhouse.tar", made)

    assert done.returncode == 0, done.stderr
    code = "import ai_edge_litert.interpreter, boto3, numpy, obstore, PIL, pyarrow.fs, sys; print(sys.prefix)"
    loaded = subprocess.run([str(node.python), "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == str(node.python.parents[1])
    # The node's Spark provides PySpark, and no library needs pandas or TensorFlow.
    for absent in ("pyspark", "pandas", "tensorflow"):
        assert subprocess.run([str(node.python), "-c", f"import {absent}"], capture_output=True, check=False).returncode
    assert [path.name for path in node.python.parents[2].iterdir()] == ["python"]

    again = node.run("s3://bucket/wheelhouse.tar", made)

    assert (again.returncode, "already made" in again.stdout) == (0, True)
    assert len((node.bucket / "calls").read_text().splitlines()) == 1


def test_users_of_yarn_can_read_the_environment_whatever_the_umask(node: Node, tmp_path: Path) -> None:
    sha256 = node.put("wheelhouse.tar", wheelhouse_of_empty_modules(tmp_path))

    done = node.run("s3://bucket/wheelhouse.tar", sha256, umask=0o077)

    assert done.returncode == 0, done.stderr
    home = node.python.parents[2]
    made = [path for path in (home, *home.rglob("*")) if path.name != ".wheelhouse-sha256" and not path.is_symlink()]
    assert any(path.name == "boto3.py" for path in made)
    for path in made:
        wanted = 0o055 if path.is_dir() else 0o044
        assert path.stat().st_mode & wanted == wanted, path


def test_the_wheels_of_a_second_wheelhouse_are_installed_as_well(node: Node, tmp_path: Path) -> None:
    first = node.put("wheelhouse.tar", wheelhouse_of_empty_modules(tmp_path))
    (tmp_path / "requirements-bf16.txt").write_text("")
    with tarfile.open(tmp_path / "second.tar", "w") as tar:
        tar.add(tmp_path / "requirements-bf16.txt", "requirements-bf16.txt")
    second = node.put("second.tar", (tmp_path / "second.tar").read_bytes())
    both = ["s3://bucket/wheelhouse.tar", first, "s3://bucket/second.tar", second]

    runs = [node.run(*arguments) for arguments in (both, both, both[:2])]

    assert [done.returncode for done in runs] == [0, 0, 0], runs[0].stderr
    assert runs[0].stdout.count("installing") == 2
    # Another list of wheelhouses gives another environment.
    assert ["already made" in done.stdout for done in runs] == [False, True, False]


@pytest.mark.parametrize("name", ["wheelhouse.tar", "second.tar"])
def test_each_wheelhouse_must_have_its_sha256(node: Node, tmp_path: Path, name: str) -> None:
    content = wheelhouse_of_empty_modules(tmp_path)
    sha256s = {file: node.put(file, content) for file in ("wheelhouse.tar", "second.tar")}
    sha256s[name] = "0" * 64

    done = node.run(*[argument for file, sha256 in sha256s.items() for argument in (f"s3://bucket/{file}", sha256)])

    assert done.returncode != 0
    assert f"s3://bucket/{name} has sha256" in done.stderr.splitlines()[-1]
    assert not node.python.exists()


def test_a_wrong_sha256_is_refused(node: Node) -> None:
    found = node.put("wheelhouse.tar", b"other content")

    done = node.run("s3://bucket/wheelhouse.tar", "0" * 64)

    assert done.returncode != 0
    assert f"has sha256 {found}, but {'0' * 64} was expected" in done.stderr.splitlines()[-1]
    assert not node.python.exists()


def test_a_missing_file_is_refused(node: Node) -> None:
    done = node.run("s3://bucket/wheelhouse.tar", "0" * 64)

    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("orchard: error: bootstrap: s3://bucket/wheelhouse.tar could not")
    assert list((node.prefix / "opt" / "orchard").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: bootstrap.sh"),
        (["s3://bucket/x.tar"], "usage: bootstrap.sh"),
        (["s3://bucket/x.tar", "0" * 64, "s3://bucket/y.tar"], "usage: bootstrap.sh"),
        (["s3://bucket/x.tar", "0" * 64, "y.tar", "0" * 64], "'y.tar' is not an s3:// URI"),
        (["x.tar", "0" * 64], "is not an s3:// URI"),
        (["s3://bucket/x.tar", "abc"], "'abc' is not a sha256"),
    ],
)
def test_bad_arguments(node: Node, arguments: list[str], message: str) -> None:
    done = node.run(*arguments)

    assert done.returncode != 0
    assert message in done.stderr.splitlines()[-1]


def test_a_file_that_is_not_an_archive_is_refused(node: Node) -> None:
    sha256 = node.put("wheelhouse.tar", b"no archive")

    done = node.run("s3://bucket/wheelhouse.tar", sha256)

    assert done.returncode != 0
    assert "is not a tar archive" in done.stderr.splitlines()[-1]


@pytest.mark.usefixtures("made")
def test_a_requirement_without_its_wheel_is_refused_each_time(node: Node, tmp_path: Path) -> None:
    content = wheelhouse(tmp_path, f"absent==1.0 --hash=sha256:{'0' * 64}\n")
    sha256 = node.put("wheelhouse.tar", content)

    first, second = (node.run("s3://bucket/wheelhouse.tar", sha256) for _ in range(2))

    for done in (first, second):
        assert done.returncode != 0
        assert "pip could not install the wheels" in done.stderr.splitlines()[-1]


def run_with_own_tools_only(node: Node) -> "subprocess.CompletedProcess[str]":
    """Run the script with a PATH that hides this machine's own Python."""
    for name in ("bash", "cp", "install", "mkdir", "mktemp", "rm", "tar"):
        (node.tools / name).symlink_to(f"/usr/bin/{name}")
    environment = {"PATH": str(node.tools), "ORCHARD_PREFIX": str(node.prefix)}
    command = ["/bin/bash", str(SCRIPT), "s3://bucket/x.tar", "0" * 64]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_missing_tool_is_named(node: Node) -> None:
    (node.tools / "aws").unlink()

    done = run_with_own_tools_only(node)

    assert done.returncode != 0
    assert done.stderr.strip() == "orchard: error: bootstrap: aws is not on this node's PATH"


def test_a_missing_python_is_installed_from_the_repository(node: Node) -> None:
    (node.tools / "python3.11").rename(node.tools / "uninstalled")
    script = f"""#!/bin/bash
[[ "$*" == "dnf install --assumeyes --quiet python3.11" ]] && /bin/mv {node.tools}/uninstalled {node.tools}/python3.11
"""
    node.tool("sudo", script)
    node.put("x.tar", b"no wheelhouse")

    done = run_with_own_tools_only(node)

    # The script goes on to the wheelhouse, which is damaged.
    assert "x.tar has sha256" in done.stderr
    assert (node.tools / "python3.11").exists()


def test_a_python_that_cannot_be_installed_is_named(node: Node) -> None:
    (node.tools / "python3.11").unlink()
    node.tool("sudo", "#!/bin/bash\nexit 1\n")

    done = run_with_own_tools_only(node)

    assert done.returncode != 0
    assert done.stderr.strip() == (
        "orchard: error: bootstrap: python3.11 is not on this node's PATH, and dnf could not install it"
    )
