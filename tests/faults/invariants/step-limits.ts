import { jobSteps, stateOfStep } from "../../../lambdas/contract/job-steps.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import type { Execution } from "../account/execution.ts";
import type { Simulation } from "../account/simulation.ts";

/** Time for the interpreter to start the task. */
const slackMs = 1_000;

/** Returns the limit of a state in milliseconds, from the plan of its execution; undefined if it runs no step. */
function limitMs(simulation: Simulation, { name }: Execution, state: string | undefined): number | undefined {
  const plan = simulation.s3.json(`runs/${name}/plan.json`) as Plan | undefined;
  const step = jobSteps.find((one) => stateOfStep[one] === state);
  return plan && step && plan.stepLimits[step].seconds * 1_000;
}

/** No step runs longer than its plan says, whether it ends or hangs, also in a redrive. */
export function stepsKeepTheirLimits(simulation: Simulation): string[] {
  return simulation.executions.flatMap((execution) =>
    execution.history.flatMap(({ at, type, state }, index) => {
      if (!/^Task(Succeeded|Failed|TimedOut)$/.test(type)) return [];
      const limit = limitMs(simulation, execution, state);
      const since = execution.history[index - 1]?.at ?? at;
      if (limit === undefined || at - since <= limit + slackMs) return [];
      return [`${state} of ${execution.name} took ${(at - since) / 60_000} minutes of ${limit / 60_000}`];
    }),
  );
}
