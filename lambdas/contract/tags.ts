/** Tag with the ARN of the execution that created the cluster; the state machine sets it at creation. */
export const executionTag = "orchard:execution-arn";

/**
 * Tag with the name of the pipeline's stack; the state machine sets it at creation. It identifies the deployment's
 * clusters even if the state machine that created them no longer exists.
 */
export const stackTag = "orchard:stack";

/** Tag with the time (ISO 8601) until which a cluster outlives its execution. */
export const keepUntilTag = "orchard:keep-until";

/** Tag with the sha256 of the wheelhouse installed on the cluster's nodes; the state machine sets it at creation. */
export const wheelhouseTag = "orchard:wheelhouse-sha256";

/** Tag with the age in hours at which the cluster has used up its run's maxCostUsd and the sweep terminates it. */
export const maxHoursTag = "orchard:max-hours";

/** Tag with the name of the run that created the cluster and whose plan.json describes it. */
export const runIdTag = "orchard:run-id";

/** Tag that marks the stacks of this application. */
export const appTag = "orchard:app";

/** Tag of every cluster of this application, by which IAM limits who may end it; the state machine sets it. */
export const projectTag = { key: "project", value: "orchard" } as const;

/** Prefix of every cluster's name. */
export const clusterNamePrefix = "orchard-";

/** Name of the cluster that a run creates. */
export function clusterNameOf(runId: string): string {
  return `${clusterNamePrefix}${runId}`;
}
