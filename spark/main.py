"""Runs one step of a run, or a reduction or projection by itself.

spark-submit --py-files orchard.zip main.py inventory|features|reduction --plan URI
spark-submit --py-files orchard.zip main.py reduction --features URI --output URI --components K | --variance V
spark-submit --py-files orchard.zip main.py projection --model URI --features URI --output URI
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import NoReturn

from orchard import session
from orchard.arrow import block_pandas
from orchard.errors import JobError, find_root_cause
from pyspark import SparkContext


class Parser(argparse.ArgumentParser):
    """Reports argument errors in the same form as all other errors."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, and exit with code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"orchard: error: {message}\n")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; None means the process's own."""
    parser = Parser(prog="main.py", description="Runs one step of a run.")
    parser.add_argument("step", choices=["inventory", "features", "reduction", "projection"])
    parser.add_argument("--plan", help="URI of the run's plan.json")
    parser.add_argument("--model", help="URI of a reduction's output, with the fitted PCA to apply")
    parser.add_argument("--features", help="URI of a folder of Parquet files with path, label and features")
    parser.add_argument("--output", help="URI of the folder for the results")
    parser.add_argument("--column", help="the column of the features, by default features")
    parser.add_argument("--dtype", help="NumPy's name of the type of features that are bytes, such as float32")
    parser.add_argument("--components", type=int, help="number of components")
    parser.add_argument("--variance", type=float, help="share of the variance that the components must explain")
    options = parser.parse_args(arguments)
    component_options = (options.components, options.variance)
    if options.plan is not None:
        others = (options.model, options.features, options.output, options.column, options.dtype, *component_options)
        if any(value is not None for value in others):
            parser.error("--plan cannot be combined with other options")
        if options.step == "projection":
            parser.error("projection needs --model, --features and --output, and no --plan")
        return options
    if options.step not in ("reduction", "projection") or options.features is None or options.output is None:
        parser.error("--plan is needed (or, for reduction and projection alone, --features and --output)")
    if options.step == "reduction" and component_options.count(None) != 1:
        parser.error("one of --components and --variance is needed")
    if options.step == "projection" and (options.model is None or component_options.count(None) != 2):
        parser.error("projection needs --model, which also determines the number of components")
    if options.step == "reduction" and options.model is not None:
        parser.error("--model is for projection only; reduction fits a new PCA")
    return options


def run(context: SparkContext, options: argparse.Namespace) -> None:
    """Run one step, unless progress.json says that an earlier attempt with the same plan has succeeded.

    Raises:
        JobError: The step cannot do what was requested. Spark's own exceptions pass through.
    """
    from orchard.io.uri import join  # noqa: PLC0415
    from orchard.jobs import features, inventory, reduction  # noqa: PLC0415
    from orchard.losses import report_losses  # noqa: PLC0415
    from orchard.plan import read_plan  # noqa: PLC0415
    from orchard.progress import Progress  # noqa: PLC0415

    if options.plan is None:
        run_alone(context, options)
        return
    plan = read_plan(options.plan)
    report_of_step = Progress(context, join(plan.run, "progress.json"), plan.run_id, options.step, plan.sha256)
    if report_of_step.is_done():
        print(f"orchard: {options.step} has already succeeded with this plan: nothing to do", flush=True)
        return
    with report_of_step as progress:
        match options.step:
            case "inventory":
                inventory.run(context, plan, progress)
            case "features":
                features.run(context, plan, progress)
            case "reduction":
                reduction.run(context, reduction.from_plan(plan), progress)
        progress.stages.write(plan.run)
    report_losses(context, options.step)


def run_alone(context: SparkContext, options: argparse.Namespace) -> None:
    """Run a reduction or projection that belongs to no run, and print one line about its result.

    Raises:
        JobError: The step cannot do what was requested, or a check of its results failed. Spark's own exceptions pass
            through.
    """
    from orchard.checks import require  # noqa: PLC0415
    from orchard.io.uri import join  # noqa: PLC0415
    from orchard.io.vectors import Column  # noqa: PLC0415
    from orchard.jobs import projection, reduction  # noqa: PLC0415
    from orchard.plan import Components  # noqa: PLC0415
    from orchard.progress import Progress  # noqa: PLC0415

    features, output = options.features.rstrip("/"), options.output.rstrip("/")
    column = Column(options.column or Column.name, options.dtype)
    with Progress(context, join(output, "progress.json"), "", options.step) as progress:
        if options.step == "projection":
            job = projection.Projection(options.model, features, output, column)
            outcome = projection.run(context, job, progress)
        else:
            components = Components(options.components, options.variance)
            outcome = reduction.run(context, reduction.Reduction(features, output, components, column=column), progress)
        require(outcome.checks, output)
    print(f"orchard: {outcome.summary}", flush=True)


def report(error: Exception) -> None:
    """Stop Spark and print the error to stderr. The last line is `orchard: error: <root cause>`."""
    text = f"orchard: error: {find_root_cause(error)}"
    if not isinstance(error, JobError):
        text = "".join(traceback.format_exception(error)) + text
    context, jvm = SparkContext._active_spark_context, SparkContext._jvm
    if context is not None:
        context.setLogLevel("OFF")  # so that nothing follows the last line
        context.stop()
    if jvm is None:
        print(text, file=sys.stderr, flush=True)
    else:
        # spark-submit redirects both outputs of Python to its stdout; only the JVM can write to its stderr.
        jvm.java.lang.System.err.println(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a step and return the exit code: 0, or 1 if it failed."""
    options = parse(arguments)
    block_pandas()
    try:
        # The JVM stops the context when this process ends. Stopping it here would wait up to a second for the thread
        # that receives accumulators.
        with ThreadPoolExecutor(1) as importing:
            # Import the jobs while this process waits for the JVM to create the context.
            importing.submit(import_module, "orchard.jobs.features")
            context = session.start(options.step)
        run(context, options)
    # Every error must end in the one line that the failure diagnosis reads.
    except Exception as error:  # noqa: BLE001
        report(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
