/**
 * Limits a statement to the clusters of this workflow, by the tag that the state machine sets. Creating a cluster with
 * tags cannot be limited by it, and reading need not be (Service Authorization Reference, Amazon Elastic MapReduce: the
 * actions with the condition key elasticmapreduce:ResourceTag).
 */
export const ownClusters = { StringEquals: { "elasticmapreduce:ResourceTag/project": "orchard" } };
