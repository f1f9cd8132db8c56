"""Prints name, version and declared license of every wheel in a wheelhouse, as JSON.

`python cli/toolchain/wheel_licenses.py .orchard/wheelhouse/wheelhouse.tar`
"""

import email
import io
import json
import sys
import tarfile
import zipfile
from email.message import Message

CLASSIFIER = "License :: OSI Approved :: "


def read_license(metadata: Message) -> str:
    """Return the SPDX expression (PEP 639) or else the older field or classifiers; empty if nothing is declared."""
    expression = metadata["License-Expression"]
    if expression:
        return str(expression)
    classifiers = [c.removeprefix(CLASSIFIER) for c in metadata.get_all("Classifier", []) if c.startswith(CLASSIFIER)]
    field = str(metadata["License"] or "").strip()
    # Some packages put the whole text into the field.
    return field if field and "\n" not in field and len(field) < 100 else " AND ".join(classifiers)


def read_wheels(path: str) -> list[dict[str, str]]:
    """Read the wheels in the tar file at `path`."""
    packages = []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".whl") else None
            if file is None:
                continue
            with zipfile.ZipFile(io.BytesIO(file.read())) as wheel:
                name = next(n for n in wheel.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA"))
                metadata = email.message_from_bytes(wheel.read(name))
            packages.append(
                {"name": metadata["Name"], "version": metadata["Version"], "license": read_license(metadata)}
            )
    return packages


if __name__ == "__main__":
    json.dump(read_wheels(sys.argv[1]), sys.stdout)
