import aslValidator from "asl-validator";
import { describe, expect, it } from "vitest";
import { jobSteps, stateOfStep } from "../../lambdas/contract/job-steps.ts";
import { mostSeconds } from "../../lambdas/contract/step-limits.ts";
import { renderedDefinition, type State, tasks } from "./definition.ts";

const definition = renderedDefinition();

/** No cluster is left after these states, or the clean-up has started. Their failures must not start it again. */
const afterTeardown = [
  "RecordCost",
  "WriteReport",
  "NotifySuccess",
  "ConfirmTerminated",
  "DiagnoseFailure",
  "NotifyFailure",
  "TerminateClusterAfterFailure",
];

/**
 * Returns the seconds after which a state ends at the latest. The plan sets the limits of the steps:
 * docs.aws.amazon.com/step-functions/latest/dg/state-task.html, TimeoutSecondsPath.
 */
function longest(name: string, { TimeoutSeconds: seconds, TimeoutSecondsPath: path }: State): number {
  const step = jobSteps.find((one) => stateOfStep[one] === name);
  if (step === undefined) return seconds ?? 0;
  expect([seconds, path]).toEqual([undefined, `$.plan.stepLimits.${step}.seconds`]);
  return mostSeconds[step];
}

describe("the definition", () => {
  it("is valid Amazon States Language", () => {
    const { isValid, errorsText } = aslValidator(definition, { checkArn: true, checkPaths: true });
    expect(errorsText("\n")).toBe("");
    expect(isValid).toBe(true);
  });

  it("has only transitions to existing states, and reaches every state", () => {
    const reached = new Set<string>();
    const visit = (name: string): void => {
      const state = definition.States[name];
      if (!state) throw new Error(`The definition has no state ${name}.`);
      if (reached.has(name)) return;
      reached.add(name);
      const next = [
        state.Next,
        state.Default,
        ...(state.Choices ?? []).map((c) => c.Next),
        ...(state.Catch ?? []).map((c) => c.Next),
      ];
      for (const target of next) if (target) visit(target);
    };
    visit(definition.StartAt);
    expect([...reached].sort()).toEqual(Object.keys(definition.States).sort());
  });

  it.each(tasks(definition))("%s has a time-out, and one catch-all that keeps the state data", (name, state) => {
    expect(longest(name, state)).toBeGreaterThan(0);
    const [catcher, ...others] = state.Catch ?? [];
    expect(others).toEqual([]);
    expect(catcher?.ErrorEquals).toEqual(["States.ALL"]);
    // The input may be too large for an error beside it, or no object to which one could be added.
    if (name === "TakeInput") expect(catcher).toEqual({ ErrorEquals: ["States.ALL"], Next: "DropInput" });
    else if (afterTeardown.includes(name)) expect(catcher?.ResultPath).not.toBe("$.error");
    else expect(catcher).toMatchObject({ ResultPath: "$.error", Next: "TerminateClusterAfterFailure" });
  });

  it.each(tasks(definition))("%s has a limit of retries, and CreateCluster has no retry", (name, state) => {
    if (name === "CreateCluster") expect(state.Retry).toBeUndefined();
    for (const { ErrorEquals, MaxAttempts } of state.Retry ?? []) {
      const isWait = ErrorEquals.includes("OtherExecutionRunning");
      expect(MaxAttempts).toBeLessThanOrEqual(isWait ? 120 : 20);
    }
  });

  it("gives the execution more time than all states and the wait for other executions take together", () => {
    const sum = tasks(definition).reduce((seconds, [name, state]) => seconds + longest(name, state), 0);
    const [queue] = definition.States["TakeTurn"]?.Retry ?? [];
    const waitSeconds = (queue?.MaxAttempts ?? 0) * (queue?.IntervalSeconds ?? 0);
    expect(waitSeconds).toBe(2 * 3600);
    expect(definition.TimeoutSeconds).toBeGreaterThan(sum + waitSeconds);
  });

  it("uses no member of the context object that the embedded interpreter lacks", () => {
    expect(JSON.stringify(definition)).not.toContain("$$.State");
  });
});
