"""Runs the steps of the plan at a URI on all cores of this machine, in one process."""

import sys

import main
from orchard import session

if __name__ == "__main__":
    context = session.start("comparison")
    for step in ("inventory", "features", "reduction"):
        main.run(context, main.parse([step, "--plan", sys.argv[1]]))
    context.stop()
