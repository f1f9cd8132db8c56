import type { Deployed } from "../account/deployed.ts";
import type { Simulation } from "../account/simulation.ts";
import { baseScenarios, eventNumber } from "./base-scenarios.ts";
import { buildScenario, cancelFails, fault, redrive, stop } from "./build-scenario.ts";
import { clusterFailures } from "./cluster-failures.ts";
import { failuresOf, persistently } from "./failures.ts";
import { keptClusterScenarios, stopsWithKeptCluster } from "./kept-cluster.ts";
import { once } from "./once.ts";
import { playOnce } from "./play.ts";
import { everyRedrive } from "./redrives.ts";
import type { Scenario } from "./scenario.ts";

const minute = 60_000;

/** Returns all scenarios. Those that find the most errors come first. */
export const everyScenario = once(findScenarios);

async function findScenarios(deployed: Deployed): Promise<readonly Scenario[]> {
  const bases = await baseScenarios(deployed);
  const failedCalls = await everyFailedCall(deployed, bases);
  const findsMost = ({ faults }: Scenario) =>
    /^Lambda.(ServiceException|Unknown)$/.test(faults.at(-1)?.failure.name ?? "");
  return [
    ...bases,
    ...keptClusterScenarios,
    ...(await stopsWithKeptCluster((scenario) => playOnce(deployed, scenario))),
    ...clusterFailures(deployed),
    ...failedCalls.filter(findsMost),
    ...(await stopsDuringRunJobFlow(deployed)),
    ...(await everyStop(deployed, bases)),
    ...(await everyRedrive(deployed, bases)),
    ...failedCalls.filter((scenario) => !findsMost(scenario)),
    ...clustersAboveAgeLimit(bases),
  ];
}

/** Returns every call of any base scenario, and every failure of clusters, as "state service:Operation". */
export async function everyCall(deployed: Deployed): Promise<readonly string[]> {
  const calls = new Set(
    clusterFailures(deployed).flatMap(({ faults }) => faults.map(({ state, operation }) => `${state} ${operation}`)),
  );
  for (const base of [...(await baseScenarios(deployed)), ...keptClusterScenarios])
    for (const call of (await playOnce(deployed, base)).calls) calls.add(call);
  return [...calls];
}

/** Combines every call of every state with every failure of its service, once and persistently. */
async function everyFailedCall(deployed: Deployed, bases: readonly Scenario[]): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  const seen = new Set<string>();
  for (const base of [...bases, ...keptClusterScenarios]) {
    const { calls } = await playOnce(deployed, base);
    const { name: _name, faults, stops, ...more } = base;
    for (const call of calls) {
      // The later layers only have a cluster to end after a stop.
      if (seen.has(call) || (call.startsWith("layer") && stops === undefined)) continue;
      seen.add(call);
      const [, state = "", operation = ""] = /^(.*) (\S+)$/.exec(call) ?? [];
      for (const failure of failuresOf(operation)) {
        for (const times of [1, persistently])
          scenarios.push(buildScenario([...faults, fault(state, operation, failure, times)], stops, more));
      }
    }
  }
  return scenarios;
}

/** Stops an execution at every event, and lets it time out there while Step Functions cannot cancel its tasks. */
async function everyStop(deployed: Deployed, bases: readonly Scenario[]): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  for (const base of bases.slice(0, 3)) {
    const { executions } = await playOnce(deployed, base);
    const count = (executions[0]?.history.length ?? 1) - 1;
    for (let event = 1; event <= count; event += 1) {
      scenarios.push(buildScenario(base.faults, [stop(event)]));
      scenarios.push(buildScenario([...base.faults, ...cancelFails], [stop(event, 0, "TIMED_OUT")]));
    }
  }
  return scenarios;
}

/** Stops an execution before EMR receives RunJobFlow, and before EMR's answer arrives. */
export async function stopsDuringRunJobFlow(deployed: Deployed): Promise<Scenario[]> {
  const event = await eventNumber(deployed, "TaskScheduled", "CreateCluster");
  const stopDelaysMs = [1_000, 4_000, 4_900, 5_100, 6_000, 9_000];
  const deliveriesOfEnd = [[500], [], [0, 10_000]];
  // The events in between are TaskSubmitted, ExecutionABORTED, ExecutionRedriven and TaskScheduled.
  const stopsOfBothRuns = [stop(event + 1, minute), stop(event + 4, 1_000)];
  return [
    ...stopDelaysMs.flatMap((afterMs) =>
      deliveriesOfEnd.map((delays) =>
        buildScenario(cancelFails, [stop(event, afterMs)], { deliveries: [[500], delays] }),
      ),
    ),
    // The redrive is stopped while the cluster of the earlier run still exists.
    buildScenario(cancelFails, stopsOfBothRuns, { redrives: [redrive(minute / 2)] }),
  ];
}

/** Leaves the status of an execution unknown for longer than the age limit of a cluster. */
function clustersAboveAgeLimit(bases: readonly Scenario[]): Scenario[] {
  const unknownStatus = fault("layer 3", "states:DescribeExecution", "AccessDeniedException", persistently);
  return bases.flatMap(({ faults, stops, deliveries }) =>
    deliveries === undefined ? [] : [buildScenario([...faults, unknownStatus], stops, { deliveries, outageHours: 26 })],
  );
}

/** Returns the history without times. Scenarios with the same signature take the same course. */
export function signatureOf({ executions }: Simulation): string {
  return JSON.stringify(executions.map(({ history }) => history.map(({ at, ...event }) => event)));
}
