"""Finds the running processes of an account in Linux's /proc."""

from pathlib import Path


def find(folder: Path) -> dict[int, str]:
    """Returns the command lines of processes with `folder` in their arguments or environment, by process id."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if command and str(folder).encode() in command + environment:
            found[int(process.name)] = command.replace(b"\0", b" ").decode()
    return found


def commands(folder: Path) -> list[str]:
    """Returns only the command lines of these processes."""
    return list(find(folder).values())
