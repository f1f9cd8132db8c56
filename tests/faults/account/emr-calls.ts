import { type Cluster, ownerOf } from "./cluster.ts";
import type { Caller, StatusSeen } from "./records.ts";
import type { Simulation } from "./simulation.ts";

const protectingOrEnding = ["TerminateJobFlows", "SetTerminationProtection"];
/** The statuses that each invocation has read, by the execution's ARN. */
const statusesSeen = new WeakMap<Caller, Map<string, StatusSeen>>();

/** Records that an invocation has read an execution's status. */
export function recordStatusSeen(caller: Caller, executionArn: string, seen: StatusSeen): void {
  const statuses = statusesSeen.get(caller) ?? new Map<string, StatusSeen>();
  statuses.set(executionArn, seen);
  statusesSeen.set(caller, statuses);
}

/** Calls EMR's API, for functions and for the integrations of Step Functions, and records what happens to clusters. */
export function callEmr(
  simulation: Simulation,
  by: Caller,
  operation: string,
  // biome-ignore lint/suspicious/noExplicitAny: each operation has its own input and output
  input: any,
  // biome-ignore lint/suspicious/noExplicitAny: each operation has its own input and output
): Promise<any> {
  const { emr, creations } = simulation;
  return simulation.call(by, `emr:${operation}`, () => {
    const ids: readonly string[] = protectingOrEnding.includes(operation) ? input.JobFlowIds : [];
    const clusters = ids.flatMap((id) => emr.clusters.get(id) ?? []);
    const before = clusters.map(({ Status: { State: state } }) => state);
    try {
      const answer = emr.handle(operation, input);
      if (operation === "RunJobFlow") {
        const cluster = emr.clusters.get((answer as { JobFlowId: string }).JobFlowId);
        if (cluster !== undefined) creations.push({ cluster, by });
      }
      return answer;
    } finally {
      // A refused TerminateJobFlows may have ended some of its clusters, too.
      for (const [index, cluster] of clusters.entries()) {
        const ended = cluster.Status.State === "TERMINATING" && before[index] !== "TERMINATING";
        record(simulation, cluster, { by, operation, ended });
      }
    }
  });
}

function record(
  simulation: Simulation,
  cluster: Cluster,
  call: { readonly by: Caller; readonly operation: string; readonly ended: boolean },
): void {
  const owner = ownerOf(cluster);
  const ownerStatus = simulation.statusOf(owner);
  const statusSeen = statusesSeen.get(call.by)?.get(owner ?? "");
  simulation.clusterCalls.push({ ...call, cluster, at: simulation.clock.now, owner, ownerStatus, statusSeen });
}
