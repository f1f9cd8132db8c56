import { cutText } from "../../../shared/bounded-text.ts";
import { describeError } from "../../aws/errors.ts";
import type { Precision } from "../../contract/choices.ts";
import type { ClusterPlan } from "../../contract/cluster-plan.ts";
import type { Execution } from "../../contract/execution.ts";
import type { Check } from "../../contract/plan.ts";
import type { PreflightClients, PreflightConfig } from "../preflight-context.ts";
import type { Selected } from "../selection.ts";

/** The inputs from which the groups of checks are built. */
export interface CheckContext {
  readonly config: PreflightConfig;
  readonly clients: PreflightClients;
  readonly execution: Execution;
  readonly cluster: ClusterPlan;
  /** s3:// URI of the image tree. */
  readonly imageTree: string;
  /** The listing of the image tree, or its error. */
  readonly listed: PromiseSettledResult<unknown>;
  readonly selected: Selected;
  /** The precision in which the run computes. */
  readonly precision: Precision;
}

/** A single check, before it has run. */
export interface CheckSpec {
  readonly name: string;
  readonly remedy: string;
  /** The failure of a warning is reported but does not stop the run. */
  readonly isWarning?: boolean;
  /**
   * Returns the detail to report on success.
   *
   * @throws CheckFailure, or any error of AWS, when the check fails
   */
  readonly run: () => Promise<string> | string;
}

export interface CheckOutcome extends Check {
  readonly isWarning: boolean;
}

/** Fails a check with a message that is reported without an error name. */
export class CheckFailure extends Error {
  override readonly name = "CheckFailure";
}

const maxDetailLength = 300;

/** Runs a check. Its failure becomes part of the outcome. */
export async function runCheck({ name, remedy, isWarning = false, run }: CheckSpec): Promise<CheckOutcome> {
  try {
    return { name, ok: true, detail: cutText(await run(), maxDetailLength), remedy: "", isWarning };
  } catch (error) {
    const detail = error instanceof CheckFailure ? error.message : describeError(error);
    return { name, ok: false, detail: cutText(detail, maxDetailLength), remedy, isWarning };
  }
}

/** Runs all checks concurrently. A failed check does not stop the others, so that one start reports every failure. */
export function runChecks(specs: readonly CheckSpec[]): Promise<readonly CheckOutcome[]> {
  return Promise.all(specs.map(runCheck));
}

/** Whether a check has failed that stops the run. */
export function isFatal({ ok, isWarning }: CheckOutcome): boolean {
  return !ok && !isWarning;
}
