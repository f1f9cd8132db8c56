import type { Simulation } from "../account/simulation.ts";
import { everyClusterEnds } from "./clusters-end.ts";
import { everyExecutionEnds } from "./executions-end.ts";
import { oneTrueMail } from "./final-mails.ts";
import { endsWithFirstFailure } from "./first-failure.ts";
import { keptClusterLivesUntilDeadline } from "./kept-clusters.ts";
import { modifiesOnlyOwnClusters } from "./own-clusters.ts";
import { stepsKeepTheirLimits } from "./step-limits.ts";
import { succeedsWithValidResults } from "./true-success.ts";
import { latestIsValid } from "./valid-latest.ts";

/** The conditions that hold after every scenario, by their names. Each function returns its violations. */
export const invariants: Readonly<Record<string, (simulation: Simulation) => string[]>> = {
  "1 every cluster ends: through its execution if a Catch gets the failure, otherwise through the next layer":
    everyClusterEnds,
  "2 only its own execution modifies a cluster, or a layer that has read that the execution is over":
    modifiesOnlyOwnClusters,
  "3 each run sends one final mail, more only if an answer was lost, and it is true about the cluster": oneTrueMail,
  "4 an execution ends with its first failure, and its cause explains the failure in words": endsWithFirstFailure,
  "5 an execution succeeds only with valid results and a report, and after its cluster is gone":
    succeedsWithValidResults,
  "6 runs/latest.json never points at an invalid run": latestIsValid,
  "7 a kept cluster lives until its deadline, and a run that fails on it leaves no step there":
    keptClusterLivesUntilDeadline,
  "8 every execution ends": everyExecutionEnds,
  "9 no step runs longer than its plan says": stepsKeepTheirLimits,
};

/** Returns the violations of all invariants, with the name of the scenario. */
export function violationsOf(simulation: Simulation): readonly string[] {
  return Object.entries(invariants).flatMap(([name, check]) =>
    check(simulation).map((violation) => `${name}: ${violation} [${simulation.scenario.name}]`),
  );
}
