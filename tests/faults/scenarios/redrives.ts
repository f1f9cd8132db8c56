import type { Deployed } from "../account/deployed.ts";
import { buildScenario, cancelFails, fault, redrive, stop } from "./build-scenario.ts";
import { clusterFailures } from "./cluster-failures.ts";
import { playOnce } from "./play.ts";
import type { Scenario } from "./scenario.ts";

const minute = 60_000;
/** A redrive when the cluster of the earlier run is gone. */
const lateRedrive = redrive(20 * minute);
/**
 * A redrive while the cluster of the earlier run exists. The event of that run's end arrives twice, when the execution is
 * RUNNING again.
 */
const earlyRedrive = { redrives: [redrive(minute)], deliveries: [[500], [4 * minute, 10 * minute]] };

/** Redrives after FAILED, ABORTED and TIMED_OUT, at every state that does something, early and late. */
export async function everyRedrive(deployed: Deployed, bases: readonly Scenario[]): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  const seen = new Set<string>();
  const isNew = (key: string) => !seen.has(key) && seen.add(key);
  for (const base of bases.slice(0, 3)) {
    const { faults } = base;
    const { executions, calls } = await playOnce(deployed, base);
    for (const [index, { type, state }] of (executions[0]?.history ?? []).entries()) {
      // Stop a task while it starts, and while it waits for EMR.
      const afterMs = { TaskScheduled: 5, TaskSubmitted: minute }[type];
      if (afterMs === undefined || !isNew(`${type} ${state}`)) continue;
      const timedOut = stop(index + 1, afterMs, "TIMED_OUT");
      scenarios.push(buildScenario(faults, [stop(index + 1, afterMs)], { redrives: [lateRedrive] }));
      scenarios.push(buildScenario([...faults, ...cancelFails], [timedOut], earlyRedrive));
    }
    const functionStates = [...calls].flatMap((call) => /^(\w+) lambda:Invoke$/.exec(call)?.[1] ?? []);
    for (const state of functionStates.filter(isNew)) {
      for (const code of ["States.Runtime", "States.DataLimitExceeded"]) {
        const uncatchable = fault(state, "lambda:Invoke", `${code} after the work`);
        scenarios.push(buildScenario([...faults, uncatchable], undefined, { redrives: [lateRedrive] }));
        scenarios.push(buildScenario([...faults, uncatchable], undefined, earlyRedrive));
      }
    }
  }
  const failedTwice = clusterFailures(deployed)
    .filter(({ faults }) => faults.length === 1)
    .map(({ faults }) => buildScenario(faults, undefined, { redrives: [lateRedrive, lateRedrive] }));
  return [...scenarios, ...failedTwice];
}
