import type { StepSummary } from "@aws-sdk/client-emr";
import { z } from "zod";
import { jobSteps, stateOfStep } from "../contract/job-steps.ts";
import type { Plan } from "../contract/plan.ts";
import type { PartialState } from "../contract/state-data.ts";

const waitingInputSchema = z.object({ overlap: z.enum(["skip", "queue"]) });

/** Whether TakeTurn has not succeeded yet. Only executions with the overlap "skip" or "queue" enter that state. */
function isBeforeTurn({ input, turn }: PartialState): boolean {
  return turn === undefined && waitingInputSchema.safeParse(input).success;
}

/** The function that failed after the cluster was created, and before the results were valid. */
export function failedFunction({ steps, confirmed }: Plan): string {
  return steps.inventory && confirmed !== true ? "ConfirmQuote" : "ValidateResults";
}

/**
 * Infers the failed state from the state data, because Step Functions does not pass its name.
 *
 * @param steps the run's steps on the cluster, if they are known
 */
export function inferFailedState(state: PartialState, steps: readonly StepSummary[] = []): string {
  const { input, plan } = state;
  if (input === undefined && !plan) return "TakeInput";
  if (!plan) return isBeforeTurn(state) ? "TakeTurn" : "Preflight";
  if (state.scripts === undefined) return "UploadScripts";
  if (!state.cluster) return "CreateCluster";
  if (state.validation) return plan.keepMinutes > 0 ? "KeepCluster" : "TerminateCluster";
  // Only SetManagedScaling uses the AWS SDK integration. Its errors begin with "Emr.", and those of other states with "EMR.".
  if (state.error?.Error.startsWith("Emr.")) return "SetManagedScaling";
  const completed = steps.filter(({ Status }) => Status?.State === "COMPLETED").map(({ Name }) => Name);
  if (completed.includes("Inventory") && failedFunction(plan) === "ConfirmQuote") return "ConfirmQuote";
  const pending = jobSteps
    .filter((step) => plan.steps[step])
    .map((step) => stateOfStep[step])
    .filter((name) => !completed.includes(name));
  return pending[0] ?? "ValidateResults";
}
