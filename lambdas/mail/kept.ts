import { clusterIdIn } from "../aws/steps.ts";
import type { KeptCluster } from "../contract/cluster-plan.ts";
import { modeProperties } from "../contract/modes.ts";
import type { PartialState } from "../contract/state-data.ts";

/** The cluster that goes on after a success, kept by the run or borrowed by it, unless something has ended it. */
export function clusterThatGoesOn({ kept, cluster, plan, cost }: PartialState, now: Date): KeptCluster | undefined {
  const found = kept ?? (cluster && plan?.borrowed ? plan.borrowed : undefined);
  return found && cost?.isAlive !== false && Date.parse(found.until) > now.getTime() ? found : undefined;
}

/** `2026-01-01 12:30 UTC` */
export function describeTime(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")} UTC`;
}

/** The input that runs the same on the kept cluster, although its results are there: the job may have changed. */
export function inputOnKept(state: PartialState, clusterId: string): string {
  const { keepMinutes: _, cluster: __, ...input } = (state.input ?? {}) as Readonly<Record<string, unknown>>;
  const force = state.plan && !modeProperties(state.plan.mode).computesFeatures ? {} : { force: true };
  return JSON.stringify({ ...input, ...force, cluster: { id: clusterId } });
}

/** What the mail about a success says first: until when the cluster costs money, how to use it, and how to end it. */
export function keptLines(kept: KeptCluster, startCommand: string): readonly string[] {
  return [
    `CLUSTER ${kept.clusterId} IS KEPT AND COSTS MONEY until ${describeTime(kept.until)}, about ${kept.usdPerHour.toFixed(2)} USD an hour.`,
    "Run again on it, with the job as it is deployed then:",
    `  ${startCommand}`,
    "End it now:",
    `  aws emr terminate-clusters --cluster-ids ${kept.clusterId}`,
  ];
}

/** The state in which the teardown found the borrowed cluster, if it is gone or going. */
function goneAs({ plan, teardown }: PartialState): string | undefined {
  const state = teardown?.states[plan?.borrowed?.clusterId ?? ""];
  return state?.startsWith("TERMINAT") ? state : undefined;
}

/** What starts a failed run again: its input, without a cluster that is not there any more. */
export function inputAgain(state: PartialState): { readonly input: string; readonly isSame: boolean } {
  const isSame = goneAs(state) === undefined;
  const { cluster: _, ...input } = (state.input ?? {}) as Readonly<Record<string, unknown>>;
  return { input: JSON.stringify(isSame ? (state.input ?? {}) : input), isSame };
}

/** The lines about a borrowed cluster in the mail about a failure. */
export function borrowedLines({ clusterId, until }: KeptCluster, state: PartialState): readonly string[] {
  const gone = goneAs(state);
  if (gone !== undefined) return [`Cluster:   ${clusterId} was borrowed and is ${gone}`];
  return [
    `Cluster:   ${clusterId} was borrowed and goes on until ${describeTime(until)}`,
    ...(state.teardownError
      ? [
          "           This run's step may still be on it, because cancelling it failed. End it:",
          `           aws emr terminate-clusters --cluster-ids ${clusterId}`,
        ]
      : []),
  ];
}

/** The line about the cluster that a stopped execution's input names. */
export function borrowedByInput(input: string): readonly string[] {
  const id = clusterIdIn(input);
  return id === undefined
    ? []
    : [`Cluster:   ${id}, which the input names, is left alone; steps of this run on it are cancelled`];
}
