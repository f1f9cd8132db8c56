/**
 * Limits a statement to the clusters of this workflow, by the tag that the state machine sets. Use it for actions that
 * support the condition key elasticmapreduce:ResourceTag:
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html
 */
export const ownClusters = { StringEquals: { "elasticmapreduce:ResourceTag/project": "orchard" } };
