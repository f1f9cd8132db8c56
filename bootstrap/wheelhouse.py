"""Collects the wheels that an EMR node needs in one reproducible archive.

`python bootstrap/wheelhouse.py [--arch x86_64|arm64] [--output .orchard/wheelhouse]`

The archive `wheelhouse.tar` contains bootstrap/requirements.txt and its wheels. Equal wheels give an identical archive:
names are sorted, times and owners are zero. The script prints the archive's sha256, and nothing else, to stdout.
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
# EMR 7 runs on Amazon Linux 2023 with glibc 2.34, which accepts wheels with any manylinux tag up to 2_34.
EMR_GLIBCS = ("2_34", "2_28", "2_27", "2_24", "2_17")
# The names of processors: EMR's, and those in wheel tags.
EMR_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


class WheelhouseError(Exception):
    """The wheels could not be collected. The message has the reason."""


def find_pip(folder: Path) -> list[str]:
    """Return the command that runs pip: this Python's pip, its base Python's, or one in a new environment in `folder`.

    The project's environment has no pip, and the Python that it was made from may have none either.
    """
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        found = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if found.returncode == 0:
            return [python, "-m", "pip"]
    venv.create(folder, with_pip=True)
    return [str(folder / "bin" / "python"), "-m", "pip"]


def download(requirements: Path, platforms: Sequence[str], output: Path) -> None:
    """Download the locked wheels into `output`; pip checks their hashes.

    Args:
        requirements: The lock, with every package and its hashes.
        platforms: Platform tags of wheels, most preferred first; empty for this machine.
        output: The folder for the wheels.

    Raises:
        WheelhouseError: pip failed; the message has its last lines.
    """
    with tempfile.TemporaryDirectory() as scratch:
        command = [*find_pip(Path(scratch) / "pip"), "download", "--quiet", "--disable-pip-version-check"]
        # The lock names every package, so there is nothing to resolve.
        command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(requirements), "-d", str(output)]
        if platforms:
            command += ["--python-version", PYTHON_VERSION, "--implementation", "cp"]
            command += [f"--platform={platform}" for platform in (*platforms, "any")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise WheelhouseError(f"pip could not download the wheels of {requirements.name}:\n{lines}")


def pack(folder: Path, archive: Path) -> None:
    """Write the files of `folder` into an uncompressed tar whose bytes depend only on their names and contents."""
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.iterdir(), key=lambda file: file.name):
            entry = tarfile.TarInfo(path.name)
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)


def compute_sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file's content."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def describe(requirements: Path, platforms: Sequence[str]) -> str:
    """Return a text that changes whenever the archive could change: hashes of its inputs, and the platforms."""
    platform = ",".join(platforms) or f"{sysconfig.get_platform()} {sys.implementation.cache_tag}"
    return f"{compute_sha256(requirements)} {compute_sha256(Path(__file__))} {platform}\n"


def make(requirements: Path, platforms: Sequence[str], output: Path) -> str:
    """Make `output`/wheelhouse.tar unless it is up to date, and return its sha256.

    Raises:
        WheelhouseError: The wheels could not be downloaded.
    """
    made_from = describe(requirements, platforms)
    archive, stamp = output / ARCHIVE, output / STAMP

    def is_current() -> bool:
        return archive.exists() and stamp.exists() and stamp.read_text() == made_from

    if is_current():
        return compute_sha256(archive)

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
        if not is_current():  # unless another process has just made the archive
            shutil.rmtree(output, ignore_errors=True)
            partial.rename(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    size_mb = archive.stat().st_size / 1e6
    print(f"{archive.name}: {size_mb:.0f} MB", file=sys.stderr)
    return compute_sha256(archive)


def emr_platforms(architecture: str) -> list[str]:
    """Return the platform tags of wheels that an EMR node accepts, newest first."""
    return [f"manylinux_{glibc}_{EMR_MACHINES[architecture]}" for glibc in EMR_GLIBCS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, or 1 if the wheels could not be collected."""
    parser = argparse.ArgumentParser(description="Collects the wheels that an EMR node needs in one archive.")
    parser.add_argument("--output", type=Path, default=HERE.parent / ".orchard" / "wheelhouse")
    parser.add_argument("--requirements", type=Path, default=REQUIREMENTS)
    parser.add_argument("--arch", choices=EMR_MACHINES, help="processor of the EMR nodes (default: this machine's)")
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
