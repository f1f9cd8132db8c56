"""Runs checkov's CloudFormation rules over the template files of the command line, and prints the failed ones as JSON.

checkov's own command line looks up its newest version, so this calls its runner.
"""

import json
import sys

from offline import seal

seal()

from checkov.cloudformation.runner import Runner  # noqa: E402
from checkov.runner_filter import RunnerFilter  # noqa: E402


def main(files: list[str]) -> None:
    """Prints `{checks, unread, failed}`: the number of checks, unreadable files, and the failed checks."""
    report = Runner().run(root_folder=None, files=files, runner_filter=RunnerFilter(framework=["cloudformation"]))
    failed = [
        {"file": check.file_abs_path, "rule": check.check_id, "name": check.check_name, "resource": check.resource}
        for check in report.failed_checks
    ]
    total = len(report.passed_checks) + len(failed)
    print(json.dumps({"checks": total, "unread": report.parsing_errors, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1:])
