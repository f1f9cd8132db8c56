"""The entry point that spark-submit runs.

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
from orchard.arrow import do_without_pandas
from orchard.errors import JobError, root_cause
from pyspark import SparkContext


class Parser(argparse.ArgumentParser):
    """Argument errors look like all other errors."""

    def error(self, message: str) -> NoReturn:
        """Prints the usage and the error, and exits with code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"orchard: error: {message}\n")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = Parser(prog="main.py", description="The jobs of a run.")
    parser.add_argument("step", choices=["inventory", "features", "reduction", "projection"])
    parser.add_argument("--plan", help="URI of the run's plan.json")
    parser.add_argument("--model", help="URI of a reduction's output, whose fitted PCA is to be applied")
    parser.add_argument("--features", help="URI of a folder of Parquet files with path, label and features")
    parser.add_argument("--output", help="URI of the folder for the results")
    parser.add_argument("--components", type=int, help="how many components")
    parser.add_argument("--variance", type=float, help="as few components as keep this share of the variance")
    options = parser.parse_args(arguments)
    how_many = (options.components, options.variance)
    if options.plan is not None:
        if any(value is not None for value in (options.model, options.features, options.output, *how_many)):
            parser.error("--plan says all; it goes with no other option")
        if options.step == "projection":
            parser.error("projection needs --model, --features and --output, and no --plan")
        return options
    if options.step not in ("reduction", "projection") or options.features is None or options.output is None:
        parser.error("--plan is needed (or, for reduction and projection alone, --features and --output)")
    if options.step == "reduction" and how_many.count(None) != 1:
        parser.error("one of --components and --variance is needed")
    if options.step == "projection" and (options.model is None or how_many.count(None) != 2):
        parser.error("projection needs --model; how many components there are is the model's")
    if options.step == "reduction" and options.model is not None:
        parser.error("--model goes with projection; reduction fits its own")
    return options


def run(context: SparkContext, options: argparse.Namespace) -> None:
    """Runs one step; progress.json says how it ended.

    Raises:
        JobError, or whatever Spark raises.
    """
    from orchard.io import storage  # noqa: PLC0415
    from orchard.jobs import features, inventory, reduction  # noqa: PLC0415
    from orchard.plan import read_plan  # noqa: PLC0415
    from orchard.progress import Progress  # noqa: PLC0415

    if options.plan is None:
        run_alone(context, options)
        return
    plan = read_plan(options.plan)
    with Progress(context, storage.join(plan.run, "progress.json"), plan.run_id, options.step) as progress:
        match options.step:
            case "inventory":
                inventory.run(context, plan, progress)
            case "features":
                features.run(context, plan, progress)
            case "reduction":
                reduction.run(context, reduction.from_plan(plan), progress)


def run_alone(context: SparkContext, options: argparse.Namespace) -> None:
    """Runs a step that belongs to no run, and says what came of it.

    Raises:
        JobError, or whatever Spark raises.
    """
    from orchard.io import storage  # noqa: PLC0415
    from orchard.jobs import projection, reduction  # noqa: PLC0415
    from orchard.plan import Components  # noqa: PLC0415
    from orchard.progress import Progress  # noqa: PLC0415

    features, output = options.features.rstrip("/"), options.output.rstrip("/")
    with Progress(context, storage.join(output, "progress.json"), "", options.step) as progress:
        if options.step == "projection":
            said = projection.run(context, projection.Projection(options.model, features, output), progress)
        else:
            components = Components(options.components, options.variance)
            said = reduction.run(context, reduction.Reduction(features, output, components), progress)
    print(f"orchard: {said}", flush=True)


def report(error: Exception) -> None:
    """Ends Spark and prints the error to stderr; the last line is `orchard: error: <root cause>`."""
    text = f"orchard: error: {root_cause(error)}"
    if not isinstance(error, JobError):
        text = "".join(traceback.format_exception(error)) + text
    context, jvm = SparkContext._active_spark_context, SparkContext._jvm
    if context is not None:
        context.setLogLevel("OFF")  # nothing may follow the last line
        context.stop()
    if jvm is None:
        print(text, file=sys.stderr, flush=True)
    else:
        # spark-submit sends all that Python prints to its own stdout; stderr is the JVM's.
        jvm.java.lang.System.err.println(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a step and answers the exit code: 1 when it failed."""
    options = parse(arguments)
    do_without_pandas()
    try:
        # The JVM stops the context when this process has ended; stopping it here waits up to a second for the thread
        # that receives accumulators.
        with ThreadPoolExecutor(1) as importing:
            # While the JVM makes the context, this process would only wait.
            importing.submit(import_module, "orchard.jobs.features")
            context = session.start(options.step)
        run(context, options)
    # Whatever went wrong, somebody reads the last line.
    except Exception as error:  # noqa: BLE001
        report(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
