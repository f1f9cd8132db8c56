import { type Cluster, runOf } from "./cluster.ts";
import { type ClusterBehavior, healthyBehavior } from "./cluster-lifecycle.ts";
import type { Caller } from "./records.ts";
import type { Simulation } from "./simulation.ts";
import { writeSparkResults } from "./spark-results.ts";

const minute = 60_000;
const slowShutdownMinutes = 9;
const endlessShutdownMinutes = Number.MAX_SAFE_INTEGER / minute;

/** Clusters that fail as the scenario's faults say. The name of a failure is the result that it leads to. */
export function faultyBehavior(simulation: Simulation): ClusterBehavior {
  const by = (cluster: Cluster): Caller => ({ execution: cluster.Name.replace("orchard-", ""), state: "cluster" });
  return {
    start: (cluster) => {
      // The other clusters of the account start before any execution, and never fail.
      const failure = simulation.executions.length === 0 ? undefined : simulation.fault(by(cluster), "start:");
      return (failure?.name ?? "READY") as "READY";
    },
    step: (cluster, step) => {
      if (simulation.fault(by(cluster), `protection:${step.Name}`)) cluster.TerminationProtected = true;
      const failure = simulation.fault({ execution: runOf(step), state: "cluster" }, `step:${step.Name}`);
      return (failure?.name ?? "COMPLETED") as "COMPLETED";
    },
    shutdownMinutes: (cluster) => {
      const failure = simulation.fault(by(cluster), "shutdown:")?.name;
      if (failure === "SLOW") return slowShutdownMinutes;
      return failure === "NEVER" ? endlessShutdownMinutes : healthyBehavior.shutdownMinutes(cluster);
    },
    writeResults: (step) => {
      const run = runOf(step);
      const failure = simulation.fault({ execution: run, state: "cluster" }, `results:${step.Name}`)?.name;
      simulation.invalidSteps[failure === undefined ? "delete" : "add"](`${run}/${step.Name}`);
      writeSparkResults(simulation.s3, step.Config.Args, failure);
    },
  };
}
