import { projectTag } from "../../lambdas/contract/tags.ts";

/**
 * Limits a statement to the clusters of this workflow, by the tag that the state machine sets. Use it for actions that
 * support the condition key elasticmapreduce:ResourceTag:
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html
 */
export const ownClusters = {
  StringEquals: { [`elasticmapreduce:ResourceTag/${projectTag.key}`]: projectTag.value },
};

/**
 * Limits AddTags to the needs of RunJobFlow for a new cluster. A cluster has no tags while it is created, hence IfExists. No
 * condition key tells a new cluster from another application's cluster without this tag.
 */
export const ownOrNewClusters = { StringEqualsIfExists: ownClusters.StringEquals };
export const ownTagsOnOwnOrNewClusters = {
  ...ownOrNewClusters,
  StringEquals: { [`elasticmapreduce:RequestTag/${projectTag.key}`]: projectTag.value },
};
