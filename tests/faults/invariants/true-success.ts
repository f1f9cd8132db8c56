import type { Cluster } from "../account/cluster.ts";
import type { Execution } from "../account/execution.ts";
import type { Simulation } from "../account/simulation.ts";
import { isKept } from "./kept-clusters.ts";
import { clustersOf, hasFault, runsOf, wasSkipped } from "./runs.ts";

/** Tells whether the page about a run is there. Only a fault of its own state may prevent it. */
function hasReport(simulation: Simulation, execution: Execution): boolean {
  return (
    simulation.s3.objects.has(`runs/${execution.name}/report/report.html`) ||
    hasFault(simulation, execution, ({ state }) => state === "WriteReport")
  );
}

/** An execution succeeds only with valid results and a report, and after its cluster is gone. */
export function succeedsWithValidResults(simulation: Simulation): string[] {
  const { faults, stops = [] } = simulation.scenario;
  return simulation.executions.flatMap((execution) => {
    const { name, endedAt, status, history } = execution;
    if (status !== "SUCCEEDED")
      return faults.length + stops.length === 0 ? [`${name} is ${status} without a fault`] : [];
    const plan = simulation.s3.json(`runs/${name}/plan.json`) as { steps: { any: boolean } } | undefined;
    const isReused = plan !== undefined && !plan.steps.any;
    const isValidated = history.some(({ type, state }) => type === "TaskSucceeded" && state === "ValidateResults");
    const isValid =
      isValidated && simulation.s3.objects.has(`runs/${name}/manifest.json`) && !simulation.isInvalid(name);
    const isGoneAtEnd = ({ Status: { Timeline: timeline } }: Cluster) =>
      1000 * (timeline.EndDateTime ?? Number.POSITIVE_INFINITY) <= endedAt;
    // A redrive does not know the clusters of earlier runs. The sweep ends them, as the first invariant checks.
    const alive = runsOf(execution)
      .slice(-1)
      .flatMap((run) => clustersOf(simulation, run))
      .filter((one) => !isKept(simulation, one));
    const isSkippedForAnother =
      wasSkipped(execution) &&
      alive.length === 0 &&
      simulation.executions.some((one) => one.startedAt < execution.startedAt && one.endedAt > execution.startedAt);
    return [
      ...(isReused || isValid || isSkippedForAnother ? [] : [`${name} is not valid`]),
      ...(isValid && !hasReport(simulation, execution) ? [`${name} has no report`] : []),
      ...alive.filter((one) => !isGoneAtEnd(one)).map(({ Id }) => `${name} succeeded before ${Id} was gone`),
    ];
  });
}
