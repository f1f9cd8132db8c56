import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Section } from "../contract/sections.ts";

/** The meaning of a known failure and its remedy. */
export interface Explanation {
  /** Clearer words than those of the log or the error, if there are any. */
  readonly cause?: string;
  readonly section: Section;
  readonly remedy: string | null;
}

export interface Evidence {
  /** The whole log, for details that the line lacks. */
  readonly text: string;
  readonly cluster: ClusterPlan | undefined;
}

export interface FailurePattern {
  readonly pattern: RegExp;
  /** The failure ends the step, so it is the cause wherever it occurs in the log. */
  readonly isFatal?: true;
  readonly explain: (match: RegExpExecArray, evidence: Evidence) => Explanation;
}

/** A remedy: raise a key of the execution input. */
export function raise(key: "executorMemory" | "executorMemoryOverhead" | "ebsGiB", { cluster }: Evidence): string {
  return `Raise cluster.${key} in the input${cluster ? ` (it was ${cluster[key]})` : ""}`;
}

export function outOfMemory(detail: string, remedy: string): Explanation {
  return { cause: `Out of memory: ${detail}`, section: "out-of-memory", remedy };
}

/** Explains the loss of a node by the cluster's market. */
export function lostNode({ cluster }: Evidence): Explanation {
  const isSpot = cluster?.market === "SPOT";
  return {
    cause: `A node of the cluster was lost${isSpot ? "; its market is SPOT, so EC2 may have taken it back" : ""}`,
    section: "spot-capacity",
    remedy: isSpot ? 'Start again, with {"cluster": {"market": "ON_DEMAND"}} to be safe' : "Start again",
  };
}

/** Explains a text by the first pattern that it matches. */
export function explainByPattern(
  patterns: readonly FailurePattern[],
  text: string,
  evidence: Evidence,
): Explanation | undefined {
  for (const { pattern, explain } of patterns) {
    const match = pattern.exec(text);
    if (match) return explain(match, evidence);
  }
  return undefined;
}
