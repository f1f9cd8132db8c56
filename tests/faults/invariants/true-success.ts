import type { Cluster } from "../emr.ts";
import type { World } from "../world.ts";
import { isKept } from "./kept-clusters.ts";
import { clustersOf, runsOf, wasSkipped } from "./runs.ts";

/** An execution succeeds only with valid results and after its cluster is gone. */
export function successIsTrue(world: World): string[] {
  const { faults, stops = [] } = world.scenario;
  return world.executions.flatMap((execution) => {
    const { name, endedAt, status, history } = execution;
    if (status !== "SUCCEEDED")
      return faults.length + stops.length === 0 ? [`${name} is ${status} without a fault`] : [];
    const plan = world.s3.json(`runs/${name}/plan.json`) as { steps: { any: boolean } } | undefined;
    const isReused = plan !== undefined && !plan.steps.any;
    const isJudged = history.some(({ type, state }) => type === "TaskSucceeded" && state === "ValidateResults");
    const isValid = isJudged && world.s3.objects.has(`runs/${name}/manifest.json`) && !world.isInvalid(name);
    const isGoneBefore = ({ Status: { Timeline: timeline } }: Cluster) =>
      1000 * (timeline.EndDateTime ?? Number.POSITIVE_INFINITY) <= endedAt;
    // A redrive cannot know the clusters of earlier runs. The sweep ends them, which the first invariant checks.
    const alive = runsOf(execution)
      .slice(-1)
      .flatMap((run) => clustersOf(world, run))
      .filter((one) => !isKept(world, one));
    const isRightlySkipped =
      wasSkipped(execution) &&
      alive.length === 0 &&
      world.executions.some((one) => one.startedAt < execution.startedAt && one.endedAt > execution.startedAt);
    return [
      ...(isReused || isValid || isRightlySkipped ? [] : [`${name} is not valid`]),
      ...alive.filter((one) => !isGoneBefore(one)).map(({ Id }) => `${name} succeeded before ${Id} was gone`),
    ];
  });
}
