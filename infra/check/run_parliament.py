"""Runs parliament over the IAM policies given as JSON on stdin, and prints its findings as JSON.

stdin: a list of policies. stdout: `[{"policy": <index>, "issue": ..., "detail": ...}]`.
"""

import json
import sys
import warnings

from offline import seal

seal()
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")

from parliament import analyze_policy_string  # noqa: E402


def main() -> None:
    """Judges each policy by itself."""
    findings = [
        {"policy": index, "issue": finding.issue, "detail": str(finding.detail)}
        for index, policy in enumerate(json.load(sys.stdin))
        for finding in analyze_policy_string(json.dumps(policy)).findings
    ]
    print(json.dumps(findings))


if __name__ == "__main__":
    main()
