import type { Cluster, Step } from "../account/cluster.ts";
import type { Simulation } from "../account/simulation.ts";
import { deadlineOf, reusedClusterOf } from "./kept-clusters.ts";
import { layerOf } from "./layers.ts";
import {
  clustersOf,
  completedRuns,
  type ExecutionRun,
  type FirstFailure,
  firstFailure,
  hasDone,
  hasFault,
} from "./runs.ts";
import { squeeze } from "./squeeze.ts";

/** A cause in JSON: Step Functions quotes the step or cluster, and Lambda the function's error. */
interface QuotedCause {
  readonly errorMessage?: string;
  readonly ClusterId?: string;
  readonly Step?: Pick<Step, "Status">;
  readonly Cluster?: Pick<Cluster, "Status">;
}

/** Returns the text by which a diagnosis explains the end of a cluster that a run needed. */
function reasonOfEnd(simulation: Simulation, cluster: Cluster): string {
  if ((deadlineOf(cluster) ?? Number.POSITIVE_INFINITY) <= (cluster.endingSince ?? 0)) return "was kept until";
  const { Message: message = "" } = cluster.Status.StateChangeReason;
  return layerOf(simulation, cluster) === 3 ? "hours, which is all that maxCostUsd" : message;
}

/** Returns texts; the diagnosis must contain one of them. They are the error, or the reason why a step or cluster ended. */
function acceptableDiagnoses(
  simulation: Simulation,
  run: ExecutionRun,
  { at, error, cause }: FirstFailure,
): readonly string[] {
  const quoted: QuotedCause = cause.startsWith("{") ? JSON.parse(cause) : {};
  if (quoted.errorMessage !== undefined) return [quoted.errorMessage];
  const status = (quoted.Step ?? quoted.Cluster)?.Status;
  const { Message: reason } = status?.StateChangeReason ?? {};
  const own = status?.FailureDetails?.Message ?? (status?.State === "INTERRUPTED" ? "interrupted" : reason);
  const cluster = simulation.emr.clusters.get(quoted.ClusterId ?? "") ?? reusedClusterOf(simulation, run.execution);
  const ends = (cluster ? [cluster] : clustersOf(simulation, run)).flatMap((one) =>
    one.endingSince !== undefined && one.endingSince < at ? reasonOfEnd(simulation, one) : [],
  );
  if (reason === "Job terminated") {
    const isDiagnosisFaulty = hasFault(simulation, run.execution, ({ state }) => state === "DiagnoseFailure");
    return isDiagnosisFaulty ? [...ends, reason] : ends;
  }
  if (own !== undefined) return [own];
  if (error === "States.Timeout") return ["within its time limit", ...ends];
  if (/shutting down/.test(cause)) return [cause, "already gone", ...ends];
  return [/signal: killed/.exec(cause)?.[0] ?? cause, ...ends];
}

/** An execution ends with its first failure, and its cause explains it in words. */
export function endsWithFirstFailure(simulation: Simulation): string[] {
  return completedRuns(simulation).flatMap((run) => {
    const { outcome, name } = run;
    const first = firstFailure(run);
    if (first === undefined)
      return outcome.status === "SUCCEEDED" ? [] : [`${name} is ${outcome.status} without cause`];
    if (outcome.status !== "FAILED" || outcome.error !== first.error)
      return [`${name} ended with ${outcome.status} ${outcome.error}, not with ${first.error}`];
    const explained = squeeze(outcome.cause ?? "");
    const isDiagnosed = hasDone(run, "DiagnoseFailure");
    if (isDiagnosed && explained.startsWith("{")) return [`${name} ends with a cause in JSON: ${explained}`];
    const diagnoses = (isDiagnosed ? acceptableDiagnoses(simulation, run, first) : [first.cause]).map((text) =>
      squeeze(text.split("\n")[0] ?? "").slice(0, 30),
    );
    return explained !== "" && diagnoses.some((text) => explained.includes(text))
      ? []
      : [`${name} is explained by ${explained || "nothing"}, not ${diagnoses.join(" or ")}`];
  });
}
