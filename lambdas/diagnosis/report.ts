import type { Diagnosis } from "../contract/failure.ts";
import type { Explanation } from "./failure-pattern.ts";

/** A diagnosis without the cluster and its cost. */
export type FailureReport = Omit<Diagnosis, "cluster" | "cost">;

/** Reports a failure that no log explains. The explanation's cause replaces the given one. */
export function report(state: string, cause: string, explanation: Explanation): FailureReport {
  return {
    cause: explanation.cause ?? cause,
    state,
    log: null,
    excerpt: [],
    section: explanation.section,
    remedy: explanation.remedy,
  };
}
