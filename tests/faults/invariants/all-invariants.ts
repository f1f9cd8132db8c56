import type { Simulation } from "../account/simulation.ts";
import { everyClusterEnds } from "./clusters-end.ts";
import { everyExecutionEnds } from "./executions-end.ts";
import { firstFailureStands } from "./first-failure.ts";
import { keptAsPromised } from "./kept-clusters.ts";
import { oneTrueNotification } from "./notifications.ts";
import { onlyOwnClusters } from "./own-clusters.ts";
import { successIsTrue } from "./true-success.ts";
import { latestIsValid } from "./valid-latest.ts";

/** The conditions that hold after every scenario. Each function returns its violations. */
export const invariants: Readonly<Record<string, (simulation: Simulation) => string[]>> = {
  "1 every cluster ends: by its execution when a Catch can see the failure, otherwise when the next layer acts":
    everyClusterEnds,
  "2 only its own execution touches a cluster, or a layer that has seen that the execution is over": onlyOwnClusters,
  "3 each run has one closing mail, more only where an answer was lost, and it is true about the cluster":
    oneTrueNotification,
  "4 the execution ends with its first failure, and explains it in words": firstFailureStands,
  "5 success is reported only for valid results and when the cluster is gone": successIsTrue,
  "6 the results of an invalid run never become latest": latestIsValid,
  "7 a kept cluster lives until its deadline, and a run that failed on it leaves no step there": keptAsPromised,
  "8 every execution ends": everyExecutionEnds,
};

/** The violations of all invariants, with the name of the scenario. */
export function violationsOf(simulation: Simulation): readonly string[] {
  return Object.entries(invariants).flatMap(([name, check]) =>
    check(simulation).map((violation) => `${name}: ${violation} [${simulation.scenario.name}]`),
  );
}
