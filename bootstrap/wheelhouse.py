"""Gathers the wheels an EMR node needs into one reproducible archive.

`python bootstrap/wheelhouse.py [--arch x86_64|arm64] [--output .orchard/wheelhouse]`

The archive `wheelhouse.tar` holds the wheels of bootstrap/requirements.txt and that file itself. The same wheels give
the same bytes: names are sorted, times and owners are zero. Its sha256 is the only thing on stdout.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
ARCHIVE = "wheelhouse.tar"
STAMP = ".made-from"
PYTHON_VERSION = "3.11"
# EMR 7 is Amazon Linux 2023, which has glibc 2.34: a node takes every manylinux tag up to that one.
EMR_GLIBCS = ("2_34", "2_28", "2_27", "2_17")
# EMR's names of its processors, and the wheels'.
EMR_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


class WheelhouseError(Exception):
    """The wheels could not be gathered; the message says why and what to do."""


def find_pip(folder: Path) -> list[str]:
    """The command that runs pip: the interpreter's own pip, or one in an environment made in `folder`.

    The project's environment has none, and the Python that it was made from may have none either.
    """
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        found = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if found.returncode == 0:
            return [python, "-m", "pip"]
    venv.create(folder, with_pip=True)
    return [str(folder / "bin" / "python"), "-m", "pip"]


def download(requirements: Path, platforms: Sequence[str], output: Path) -> None:
    """Downloads the locked wheels into `output`; pip checks every hash.

    Raises:
        WheelhouseError: pip failed; its last lines are in the message.
    """
    with tempfile.TemporaryDirectory() as scratch:
        command = [*find_pip(Path(scratch) / "pip"), "download", "--quiet", "--disable-pip-version-check"]
        # The lock is complete, so there is nothing to resolve.
        command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(requirements), "-d", str(output)]
        if platforms:
            command += ["--python-version", PYTHON_VERSION, "--implementation", "cp"]
            command += [f"--platform={platform}" for platform in (*platforms, "any")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise WheelhouseError(f"pip could not download the wheels of {requirements.name}:\n{lines}")


def pack(folder: Path, archive: Path) -> None:
    """Writes every file of `folder` into one uncompressed tar whose bytes depend on names and contents alone."""
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.iterdir(), key=lambda file: file.name):
            entry = tarfile.TarInfo(path.name)
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)


def sha256_of(path: Path) -> str:
    """The hexadecimal sha256 of a file's content."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def describe(requirements: Path, platforms: Sequence[str]) -> str:
    """What an archive is made from: when this text is the same, so is the archive."""
    platform = ",".join(platforms) or f"{sysconfig.get_platform()} {sys.implementation.cache_tag}"
    return f"{sha256_of(requirements)} {sha256_of(Path(__file__))} {platform}\n"


def make(requirements: Path, platforms: Sequence[str], output: Path) -> str:
    """Makes `output`/wheelhouse.tar unless it is up to date, and answers its sha256.

    Raises:
        WheelhouseError: the wheels could not be downloaded.
    """
    made_from = describe(requirements, platforms)
    archive, stamp = output / ARCHIVE, output / STAMP

    def is_current() -> bool:
        return archive.exists() and stamp.exists() and stamp.read_text() == made_from

    if is_current():
        return sha256_of(archive)

    print(f"downloading the wheels of {requirements.name}", file=sys.stderr)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f"{output.name}.{os.getpid()}.partial")
    wheels = partial / "wheels"
    try:
        wheels.mkdir(parents=True)
        download(requirements, platforms, wheels)
        shutil.copyfile(requirements, wheels / requirements.name)
        pack(wheels, partial / ARCHIVE)
        shutil.rmtree(wheels)
        (partial / STAMP).write_text(made_from)
        if not is_current():  # another process may have been faster
            shutil.rmtree(output, ignore_errors=True)
            partial.rename(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    size_mb = archive.stat().st_size / 1e6
    print(f"{archive.name}: {size_mb:.0f} MB", file=sys.stderr)
    return sha256_of(archive)


def emr_platforms(architecture: str) -> list[str]:
    """The wheel platforms that a node takes, newest first."""
    return [f"manylinux_{glibc}_{EMR_MACHINES[architecture]}" for glibc in EMR_GLIBCS]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit code is 1 when the wheels could not be gathered."""
    parser = argparse.ArgumentParser(description="Gathers the wheels an EMR node needs into one archive.")
    parser.add_argument("--output", type=Path, default=HERE.parent / ".orchard" / "wheelhouse")
    parser.add_argument("--requirements", type=Path, default=REQUIREMENTS)
    parser.add_argument("--arch", choices=EMR_MACHINES, help="the processor of EMR's nodes (default: this machine)")
    options = parser.parse_args(arguments)
    platforms = emr_platforms(options.arch) if options.arch else []
    try:
        print(make(options.requirements, platforms, options.output))
    except WheelhouseError as error:
        print(f"orchard: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
