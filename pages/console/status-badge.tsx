import { formatConstant } from "./format.ts";

const tones: Readonly<Record<string, string>> = {
  RUNNING: "running",
  SUCCEEDED: "succeeded",
  COMPLETED: "succeeded",
  TERMINATED: "ended",
  FAILED: "failed",
  TIMED_OUT: "failed",
  TERMINATED_WITH_ERRORS: "failed",
  INTERRUPTED: "failed",
  ABORTED: "canceled",
  CANCELLED: "canceled",
};

/** A status of Step Functions or EMR; those between the start and the end look like running. */
export function StatusBadge({ status }: { readonly status: string }) {
  return <span class={`status ${tones[status] ?? "running"}`}>{formatConstant(status)}</span>;
}
