/**
 * Limits a statement to the clusters that this workflow has created, by the tag that the state machine gives them.
 * Creating one and tagging it while it is created cannot be limited so, and reading need not be
 * (Service Authorization Reference, Amazon Elastic MapReduce: the actions that take elasticmapreduce:ResourceTag).
 */
export const ownClusters = { StringEquals: { "elasticmapreduce:ResourceTag/project": "orchard" } };
