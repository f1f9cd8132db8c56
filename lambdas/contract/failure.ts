import { z } from "zod";
import { cutText, oneLine } from "../../shared/bounded-text.ts";
import { costSchema } from "./cost.ts";
import { sections } from "./sections.ts";

/** The error of a failed state, as Step Functions hands it to the failure path. Either member may be missing. */
export const failureSchema = z.object({ Error: z.string().default("Unknown"), Cause: z.string().default("") });
export type Failure = Readonly<z.output<typeof failureSchema>>;

/** The clusters that TerminateCluster terminated, and the state of each cluster it dealt with. */
export const teardownSchema = z.object({
  clusterIds: z.array(z.string()),
  states: z.record(z.string(), z.string()),
});
export type Teardown = Readonly<z.output<typeof teardownSchema>>;

/** Puts a cause on one line and cuts it: it is a mail's first line, and the state data is limited to 256 KiB. */
export function shortCause(cause: string): string {
  return cutText(oneLine(cause), 1_000);
}

/** DiagnoseFailure's explanation of a failed run. */
export const diagnosisSchema = z.object({
  /** The root cause in one line. */
  cause: z.string(),
  /** The state that failed, if it is known. */
  state: z.string().nullable().default(null),
  /** s3:// URI of the log to read. */
  log: z.string().nullable().default(null),
  /** The log's last lines. */
  excerpt: z.array(z.string()).default([]),
  /** The section of docs/troubleshooting.md that covers the failure. */
  section: z.enum(sections).nullable().default(null),
  /** How to fix it, in one line, if that is known. */
  remedy: z.string().nullable().default(null),
  /** The cluster that the execution created, in its last known state; null if there was none or EMR did not answer. */
  cluster: z.object({ id: z.string(), state: z.string() }).nullable().default(null),
  /** The cluster's cost; null if there was no cluster or EMR did not answer. */
  cost: costSchema.nullable().default(null),
});
export type Diagnosis = Readonly<z.output<typeof diagnosisSchema>>;
