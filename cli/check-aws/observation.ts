/** The clusters on which the runs are tried. */
export const kinds = ["x86", "graviton", "spot", "encrypted"] as const;
export type Kind = (typeof kinds)[number];

/** Stages of the command; docs/assumptions.md names them in its last column. */
export const stages = ["deploy", "inventory", "mini", "failing", "stopped", "doubled", "destroy"] as const;
export type Stage = (typeof stages)[number];

/** The stages that start executions. */
export const runs = ["inventory", "mini", "failing", "stopped", "doubled"] as const satisfies readonly Stage[];
export type Run = (typeof runs)[number];

export interface ObservedCluster {
  readonly id: string;
  readonly state: string;
  /** Code of EMR's StateChangeReason. */
  readonly reason: string;
  readonly release: string;
  /** Step names and their states, in the order of their start. */
  readonly steps: readonly { readonly name: string; readonly state: string }[];
  /** Instance type and market of each node, such as "m5.xlarge ON_DEMAND". */
  readonly nodes: readonly string[];
  /** Keys of the logs below the cluster's folder, with `*` in place of ids. */
  readonly logs: readonly string[];
  /** From RunJobFlow until the cluster was ready; null if it never was. */
  readonly startMinutes: number | null;
  /** From the execution's end until the cluster's end; negative if the cluster ended first. */
  readonly endMinutes: number | null;
  /** From the end of the first step until its log was on S3; null without one. */
  readonly logMinutes: number | null;
  /** From a step's end until Step Functions noticed it, at most; null without a step that has ended. */
  readonly pollMinutes: number | null;
}

/** Records AWS's answers about one run. */
export interface Observation {
  readonly kind: Kind;
  readonly run: Run;
  readonly runId: string;
  readonly status: string;
  readonly error: string;
  readonly cause: string;
  /** Resource and error of the failed service integration, such as "addStep.sync States.TaskFailed". */
  readonly taskFailure: string;
  readonly cluster: ObservedCluster | undefined;
  readonly quotedUsd: number | null;
  readonly actualUsd: number | null;
}

/** Why a run was not started, or ended before it created anything. */
export interface SkippedRun {
  readonly kind: Kind;
  readonly run: Run;
  readonly reason: string;
}
