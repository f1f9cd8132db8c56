"""Run a command in this process's session; end the whole session when standard input closes.

    supervise.py <grace seconds> <pipe|null> <command> [argument ...]
    supervise.py <grace seconds> sweep <session>

The account holds the other end of standard input, so closing it stops the command, and so does the death of the
account by any signal. All processes of the session get SIGTERM and, after the grace period, SIGKILL: a process group
would not do, because PySpark's worker daemon makes a group of its own. With "pipe" the command reads what arrives on
standard input, with "null" it reads nothing. Exits as the command did (128 + n for signal n). The second form ends a
session whose supervisor was killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and only awaits its parent (Linux; elsewhere the grace period is spent)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def members(session: int) -> list[int]:
    """List the living processes of a session but this one, whatever their process group."""
    if Path("/proc/self").is_dir():
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    else:
        listing = subprocess.run(["/bin/ps", "-A", "-o", "pid="], capture_output=True, text=True, check=True)
        pids = [int(pid) for pid in listing.stdout.split()]
    found = []
    for pid in pids:
        try:
            if os.getsid(pid) == session and pid != os.getpid() and not is_zombie(pid):
                found.append(pid)
        except (ProcessLookupError, PermissionError):
            continue  # it has ended since it was listed, or is another user's
    return found


def send(session: int, number: signal.Signals) -> None:
    """Send a signal to every process of a session."""
    for pid in members(session):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def end(session: int, grace_seconds: float) -> None:
    """End a session: SIGTERM, and SIGKILL for what is left after the grace period."""
    send(session, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while members(session) and time.monotonic() < deadline:
        time.sleep(0.05)
    send(session, signal.SIGKILL)


def main() -> int:
    """Run the command and answer its exit code."""
    grace_seconds, mode, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if mode == "sweep":
        end(int(command[0]), grace_seconds)
        return 0
    session = os.getpid()
    if os.getsid(0) != session:
        sys.exit("supervise.py ends the session that it is in, so it must lead one of its own.")
    source = subprocess.PIPE if mode == "pipe" else subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=source, process_group=0)

    def forward() -> None:
        while data := os.read(0, 65536):
            try:
                if child.stdin:
                    child.stdin.write(data)
                    child.stdin.flush()
            except BrokenPipeError:
                continue  # the command does not read any more
        end(session, grace_seconds)

    signal.signal(signal.SIGTERM, lambda *_: end(session, grace_seconds))
    threading.Thread(target=forward, daemon=True).start()
    code = child.wait()
    end(session, grace_seconds)  # what the command left behind
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
