import { describeTime } from "../../shared/formatting.ts";
import { isEnding } from "../aws/cluster-states.ts";
import { clusterIdIn } from "../aws/steps.ts";
import { isEmbedded } from "../contract/arns.ts";
import type { KeptCluster } from "../contract/cluster-plan.ts";
import { modeProperties } from "../contract/modes.ts";
import type { PartialState } from "../contract/state-data.ts";
import { terminateCommand } from "./formatting.ts";

type InputObject = Readonly<Record<string, unknown>>;

function inputOf(state: PartialState): InputObject {
  return (state.input ?? {}) as InputObject;
}

/** The cluster that stays alive after a success: the run kept it, or reused one that an earlier run had kept. */
export function findKeptCluster({ kept, cluster, plan, cost }: PartialState, now: Date): KeptCluster | undefined {
  const candidate = kept ?? (cluster && plan?.borrowed ? plan.borrowed : undefined);
  return candidate && cost?.isAlive !== false && Date.parse(candidate.until) > now.getTime() ? candidate : undefined;
}

/**
 * The input for another run on the kept cluster. It forces the computation, because the job may have changed although
 * the images have not.
 */
export function inputForKeptCluster(state: PartialState, clusterId: string): string {
  const { keepMinutes: _, cluster: __, ...input } = inputOf(state);
  const force = state.plan && !modeProperties(state.plan.mode).computesFeatures ? {} : { force: true };
  return JSON.stringify({ ...input, ...force, cluster: { id: clusterId } });
}

/** The first lines of the mail about a success whose cluster still costs money. On the embedded account, none does. */
export function keptLines(
  { clusterId, until, usdPerHour }: KeptCluster,
  command: string,
  executionArn: string,
): readonly string[] {
  const price = `about ${usdPerHour.toFixed(2)} USD an hour`;
  return [
    isEmbedded(executionArn)
      ? `CLUSTER ${clusterId} IS KEPT until ${describeTime(until)}. On AWS, it would cost ${price}.`
      : `CLUSTER ${clusterId} IS KEPT AND COSTS MONEY until ${describeTime(until)}, ${price}.`,
    "Run on it again, with the job as it is deployed by then:",
    `  ${command}`,
    "End it now:",
    `  ${terminateCommand([clusterId])}`,
  ];
}

/** The state in which the teardown found the reused cluster, if that cluster is terminating or gone. */
function endStateOf({ plan, teardown }: PartialState): string | undefined {
  const state = teardown?.states[plan?.borrowed?.clusterId ?? ""];
  return state !== undefined && isEnding(state) ? state : undefined;
}

/** The input that starts a failed run again: the same, but without a cluster that is gone. */
export function inputToStartAgain(state: PartialState): { readonly input: string; readonly isSame: boolean } {
  const isSame = endStateOf(state) === undefined;
  const { cluster: _, ...input } = inputOf(state);
  return { input: JSON.stringify(isSame ? inputOf(state) : input), isSame };
}

/** The lines about a reused cluster in the mail about a failure. */
export function reusedClusterLines({ clusterId, until }: KeptCluster, state: PartialState): readonly string[] {
  const endState = endStateOf(state);
  if (endState !== undefined) return [`Cluster:   ${clusterId} was reused and is ${endState}`];
  return [
    `Cluster:   ${clusterId} was reused and stays alive until ${describeTime(until)}`,
    ...(state.teardownError
      ? [
          "           A step of this run may still be active on it, because the step could not be cancelled. End the cluster:",
          `           ${terminateCommand([clusterId])}`,
        ]
      : []),
  ];
}

/** The line about the kept cluster that the input of a stopped execution names. */
export function inputClusterLines(input: string): readonly string[] {
  const id = clusterIdIn(input);
  return id === undefined
    ? []
    : [`Cluster:   ${id}, which the input names, is left alone; this run's steps on it are cancelled`];
}
