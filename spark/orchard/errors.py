"""The errors of a job, and their summary in one line."""

import re

from py4j.protocol import Py4JJavaError


class JobError(Exception):
    """A job cannot do what was requested. The message is written for the user."""


# The last line of a traceback that the JVM passed on as text, such as "orchard.errors.JobError: …", not indented.
_PYTHON_ERROR = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)?)(?:: (.*))?$")
_TRACEBACK = "Traceback (most recent call last):"
_JAVA_CAUSE = re.compile(r"^Caused by: (?:[a-z]\w*\.)*([A-Z][\w$]*)(?:: (.*))?$", re.MULTILINE)


def find_root_cause(error: BaseException) -> str:
    """Return the innermost cause of `error` in one line.

    If a Python worker failed, this is the last line of the last Python traceback in the message; otherwise the last
    Java cause, or the message of the innermost Python exception.
    """
    while (inner := error.__cause__) is not None:
        error = inner
    text = _full_text(error)
    if (line := _last_traceback_line(text)) is not None:
        return line
    causes = _JAVA_CAUSE.findall(text)
    if causes:
        name, message = causes[-1]
        return _one_line(f"{name}: {message}" if message else name)
    if isinstance(error, Py4JJavaError):
        return _one_line(str(error.java_exception.toString()))
    message = str(error)
    if isinstance(error, JobError):
        return _one_line(message)
    return _one_line(f"{type(error).__name__}: {message}" if message else type(error).__name__)


def _full_text(error: BaseException) -> str:
    """Return the message of an error, with the Java stack trace if there is one."""
    if isinstance(error, Py4JJavaError):
        return str(error)  # py4j includes the Java stack trace
    # PySpark's own exceptions (analysis, Python worker…) have a shortened message and keep the Java exception apart.
    origin = getattr(error, "_origin", None)
    trace = getattr(error, "_stackTrace", None)
    if origin is not None and trace is None:
        trace = str(origin.toString())
    return f"{error}\n{trace}" if trace else str(error)


def _last_traceback_line(text: str) -> str | None:
    start = text.rfind(_TRACEBACK)
    if start < 0:
        return None
    for line in text[start + len(_TRACEBACK) :].splitlines():
        if match := _PYTHON_ERROR.match(line):
            name, message = match.groups()
            return _one_line(message if name == "JobError" and message else line)
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
