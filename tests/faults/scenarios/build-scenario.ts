import { describeFault, type Failure, type Fault, findFailure, persistently } from "./failures.ts";
import type { Redrive, Scenario, Stop } from "./scenario.ts";

/** Creates a fault of any execution, once by default. */
export function fault(state: string, operation: string, failure: string | Failure, times = 1): Fault {
  return { state, operation, failure: typeof failure === "string" ? findFailure(operation, failure) : failure, times };
}

/** Creates a scenario, and names it after everything that goes wrong in it. */
export function buildScenario(
  faults: readonly Fault[],
  stops?: readonly Stop[],
  more: Partial<Scenario> = {},
): Scenario {
  const name = [
    ...faults.map(describeFault),
    ...(stops ?? []).map(({ event, afterMs, status }) => `${status} ${afterMs} ms after event ${event}`),
    ...(more.overlap ? [`overlap ${more.overlap}`] : []),
    ...(more.redrives ?? []).map(({ afterMs }) => `redriven ${afterMs} ms after its end`),
    ...(more.deliveries ? [`deliveries ${JSON.stringify(more.deliveries)}`] : []),
  ].join(", ");
  return { name, faults, ...(stops && { stops }), ...more };
}

/** Stops the first execution. */
export function stop(event: number, afterMs = 0, status: Stop["status"] = "ABORTED"): Stop {
  return { execution: "run-1", event, afterMs, status };
}

/** Redrives the first execution. */
export function redrive(afterMs: number): Redrive {
  return { execution: "run-1", afterMs };
}

/** Step Functions fails to cancel the tasks of a stopped execution. */
export const cancelFails = ["emr:TerminateJobFlows", "emr:CancelSteps"].map((operation) =>
  fault("cancel", operation, "AccessDeniedException", persistently),
);
export const failedStep = fault("*", "step:Inventory", "FAILED");
export const hangingStep = fault("*", "step:Inventory", "HANGS");
