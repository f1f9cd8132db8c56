import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Section } from "../contract/sections.ts";

/** The meaning of a known failure and its remedy. */
export interface Explanation {
  /** Replaces the line of the log where clearer words exist. */
  readonly says?: string;
  readonly section: Section;
  readonly remedy: string | null;
}

export interface Evidence {
  /** The whole log, for details that the line leaves out. */
  readonly text: string;
  readonly cluster: ClusterPlan | undefined;
}

export interface FailurePattern {
  readonly pattern: RegExp;
  /** Explains the failure wherever it stands in the log: nothing recovers from it, or the job did not. */
  readonly isFatal?: true;
  readonly read: (match: RegExpExecArray, evidence: Evidence) => Explanation;
}

export function raise(key: "executorMemory" | "executorMemoryOverhead" | "ebsGiB", { cluster }: Evidence): string {
  return `Raise cluster.${key} in the input${cluster ? ` (it was ${cluster[key]})` : ""}`;
}

export function outOfMemory(says: string, remedy: string): Explanation {
  return {
    says: `Out of memory: ${says}`,
    section: "out-of-memory",
    remedy,
  };
}

/** Explains the loss of a node by the cluster's market. */
export function lostNode({ cluster }: Evidence): Explanation {
  const isSpot = cluster?.market === "SPOT";
  return {
    says: `A node of the cluster was lost${isSpot ? "; its market is SPOT, so EC2 may have taken it back" : ""}`,
    section: "spot-capacity",
    remedy: isSpot ? 'Start again, with {"cluster": {"market": "ON_DEMAND"}} to be safe' : "Start again",
  };
}

/** Explains a text by the first pattern that it matches. */
export function explain(
  patterns: readonly FailurePattern[],
  text: string,
  evidence: Evidence,
): Explanation | undefined {
  for (const { pattern, read } of patterns) {
    const found = pattern.exec(text);
    if (found) return read(found, evidence);
  }
  return undefined;
}
