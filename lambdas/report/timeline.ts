import type { Cluster, StepSummary } from "@aws-sdk/client-emr";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { isGone, stateOf } from "../aws/cluster-states.ts";
import { listVisits, type StateVisit } from "../aws/state-visits.ts";
import { isActive } from "../aws/steps.ts";
import type { Span } from "../contract/report-data.ts";

/** The cluster of a run as EMR describes it, with the steps of this run. */
export interface UsedCluster {
  readonly cluster: Cluster;
  readonly steps: readonly StepSummary[];
}

/** Converts an execution's history into a bar for each Task state that it has left. */
export function stateSpans(events: readonly HistoryEvent[]): readonly Span[] {
  return listVisits(events)
    .filter((visit): visit is StateVisit & { readonly leftAt: Date } => visit.leftAt !== undefined)
    .map(({ name, enteredAt, leftAt, failed }) => ({
      kind: "state",
      name,
      startedAt: enteredAt.getTime(),
      endedAt: leftAt.getTime(),
      outcome: failed ? "failed" : "succeeded",
    }));
}

/**
 * Makes the bars of the cluster and its steps. A reused cluster is older than the execution, so its bar begins with the
 * execution.
 */
export function clusterSpans({ cluster, steps }: UsedCluster, startedAt: Date, now: Date): readonly Span[] {
  const { CreationDateTime: created = startedAt, EndDateTime: ended } = cluster.Status?.Timeline ?? {};
  const state = stateOf(cluster);
  const bar: Span = {
    kind: "cluster",
    name: cluster.Id ?? "",
    startedAt: Math.max(created.getTime(), startedAt.getTime()),
    endedAt: (ended ?? now).getTime(),
    outcome: state === "TERMINATED_WITH_ERRORS" ? "failed" : isGone(state) ? "succeeded" : "running",
  };
  return [bar, ...steps.flatMap((step) => stepSpan(step, now))];
}

function stepSpan(step: StepSummary, now: Date): readonly Span[] {
  const { Name: name = "", Status: status } = step;
  const { StartDateTime: started, EndDateTime: ended = now } = status?.Timeline ?? {};
  // A step that was cancelled before its start has no time.
  if (!started) return [];
  const outcome = status?.State === "COMPLETED" ? "succeeded" : isActive(step) ? "running" : "failed";
  return [{ kind: "step", name, startedAt: started.getTime(), endedAt: ended.getTime(), outcome }];
}
