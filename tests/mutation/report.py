"""Prints the mutants of a Cosmic Ray session that survived, and the score.

In Cosmic Ray's own rate, mutants that a filter skips count as killed.
"""

import sqlite3
import sys
from collections import Counter

QUERY = """
    SELECT module_path, start_pos_row, test_outcome, diff
    FROM mutation_specs JOIN work_results USING (job_id)
    WHERE worker_outcome <> 'SKIPPED'
    ORDER BY module_path, start_pos_row
"""


def changed_lines(diff: str) -> str:
    """Return the removed and the added lines of a unified diff."""
    lines = diff.splitlines()
    return "\n".join(line for line in lines if line[:1] in ("-", "+") and line[:3] not in ("---", "+++"))


def report(session: str) -> str:
    """Describe the survivors and the score of the session in the file `session`."""
    rows = sqlite3.connect(session).execute(QUERY).fetchall()
    survivors = [f"{path}:{row}\n{changed_lines(diff)}" for path, row, outcome, diff in rows if outcome == "SURVIVED"]
    counts = Counter(outcome for _, _, outcome, _ in rows)
    killed = counts["KILLED"] + counts["INCOMPETENT"]
    return "\n\n".join([*survivors, f"{100 * killed / max(1, len(rows)):.1f} % of {len(rows)} mutants killed"])


if __name__ == "__main__":
    print(report(sys.argv[1]))
