"""Run a command and end its whole session when standard input closes.

    supervise.py <grace seconds> <null|pipe|answers> <command> [argument ...]
    supervise.py <grace seconds> sweep <session>

The account holds the other end of standard input, so the command stops when the account closes it or dies. All
processes of the session get SIGTERM and, after the grace period, SIGKILL. A process group would not suffice, because
PySpark's worker daemon creates its own. With "null", the command reads nothing. With "pipe", it gets standard input,
and with "answers" also the file descriptor 3 of this process. The exit code is the command's (128 + n for signal n).
The second form ends a session whose supervisor was killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def is_zombie(pid: int) -> bool:
    """Tell whether a process has ended but was not reaped (Linux only; elsewhere zombies cost the grace period)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def members(session: int) -> list[int]:
    """List the living processes of a session, except this one."""
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
            continue  # the process has ended, or belongs to another user
    return found


def signal_session(session: int, number: signal.Signals) -> None:
    """Send a signal to every process of a session."""
    for pid in members(session):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def end_session(session: int, grace_seconds: float) -> None:
    """Send SIGTERM to a session, and SIGKILL to the processes that outlive the grace period."""
    signal_session(session, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while members(session) and time.monotonic() < deadline:
        time.sleep(0.05)
    signal_session(session, signal.SIGKILL)


def main() -> int:
    """Run the command and return its exit code."""
    grace_seconds, mode, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if mode == "sweep":
        end_session(int(command[0]), grace_seconds)
        return 0
    session = os.getpid()
    if os.getsid(0) != session:
        sys.exit("supervise.py must lead a session of its own, because it ends its session.")
    source = subprocess.DEVNULL if mode == "null" else subprocess.PIPE
    child = subprocess.Popen(command, stdin=source, process_group=0, pass_fds=[3] if mode == "answers" else [])

    def forward() -> None:
        while data := os.read(0, 65536):
            try:
                if child.stdin:
                    child.stdin.write(data)
                    child.stdin.flush()
            except BrokenPipeError:
                continue  # the command has closed its standard input
        end_session(session, grace_seconds)

    signal.signal(signal.SIGTERM, lambda *_: end_session(session, grace_seconds))
    threading.Thread(target=forward, daemon=True).start()
    code = child.wait()
    end_session(session, grace_seconds)  # processes that the command left running
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
