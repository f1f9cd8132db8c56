import type { Cluster, Step } from "../account/cluster.ts";
import type { Simulation } from "../account/simulation.ts";
import { deadlineOf, reusedClusterOf } from "./kept-clusters.ts";
import { layerOf } from "./layers.ts";
import {
  clustersOf,
  type ExecutionRun,
  type FirstFailure,
  firstFailure,
  hasDone,
  hasFault,
  runsEndedByItself,
} from "./runs.ts";
import { squeeze } from "./squeeze.ts";

/** The cause as EMR's integrations quote a step or a cluster, and Lambda a function. */
interface Quoted {
  readonly errorMessage?: string;
  readonly ClusterId?: string;
  readonly Step?: Pick<Step, "Status">;
  readonly Cluster?: Pick<Cluster, "Status">;
}

/** Why a cluster ended that a run still needed. */
function endOf(simulation: Simulation, cluster: Cluster): string {
  if ((deadlineOf(cluster) ?? Number.POSITIVE_INFINITY) <= (cluster.endingSince ?? 0)) return "was kept until";
  const { Message: message = "" } = cluster.Status.StateChangeReason;
  return layerOf(simulation, cluster) === 3 ? "hours, which is all that maxCostUsd" : message;
}

/** The acceptable diagnoses of a failure: the error thrown, or the reason why a step or a cluster ended. */
function truthsAbout(simulation: Simulation, run: ExecutionRun, { at, error, cause }: FirstFailure): readonly string[] {
  const quoted: Quoted = cause.startsWith("{") ? JSON.parse(cause) : {};
  if (quoted.errorMessage !== undefined) return [quoted.errorMessage];
  const status = (quoted.Step ?? quoted.Cluster)?.Status;
  const { Message: reason } = status?.StateChangeReason ?? {};
  const own = status?.FailureDetails?.Message ?? (status?.State === "INTERRUPTED" ? "interrupted" : reason);
  const cluster = simulation.emr.clusters.get(quoted.ClusterId ?? "") ?? reusedClusterOf(simulation, run.execution);
  const ends = (cluster ? [cluster] : clustersOf(simulation, run)).flatMap((one) =>
    one.endingSince !== undefined && one.endingSince < at ? endOf(simulation, one) : [],
  );
  if (reason === "Job terminated") {
    const isBlind = hasFault(simulation, run.execution, ({ state }) => state === "DiagnoseFailure");
    return isBlind ? [...ends, reason] : ends;
  }
  if (own !== undefined) return [own];
  if (error === "States.Timeout") return ["within its time limit", ...ends];
  if (/shutting down/.test(cause)) return [cause, "already gone", ...ends];
  return [/signal: killed/.exec(cause)?.[0] ?? cause, ...ends];
}

/** An execution ends with its first failure, and its cause explains it in words. */
export function firstFailureStands(simulation: Simulation): string[] {
  return runsEndedByItself(simulation).flatMap((run) => {
    const { outcome, name } = run;
    const first = firstFailure(run);
    if (first === undefined)
      return outcome.status === "SUCCEEDED" ? [] : [`${name} is ${outcome.status} without cause`];
    if (outcome.status !== "FAILED" || outcome.error !== first.error)
      return [`${name} ended with ${outcome.status} ${outcome.error}, not with ${first.error}`];
    const explained = squeeze(outcome.cause ?? "");
    const isDiagnosed = hasDone(run, "DiagnoseFailure");
    if (isDiagnosed && explained.startsWith("{")) return [`${name} ends with a cause in JSON: ${explained}`];
    const truths = (isDiagnosed ? truthsAbout(simulation, run, first) : [first.cause]).map((text) =>
      squeeze(text.split("\n")[0] ?? "").slice(0, 30),
    );
    return explained !== "" && truths.some((text) => explained.includes(text))
      ? []
      : [`${name} is explained by ${explained || "nothing"}, not ${truths.join(" or ")}`];
  });
}
