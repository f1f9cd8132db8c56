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
 * Limits AddTags to what RunJobFlow needs for a new cluster. A cluster has no tags while it is made, hence IfExists; IAM
 * has no key that tells a new cluster from a foreign one without this tag.
 */
export const ownOrNewClusters = { StringEqualsIfExists: ownClusters.StringEquals };
export const ownTagsOnOwnOrNewClusters = {
  ...ownOrNewClusters,
  StringEquals: { [`elasticmapreduce:RequestTag/${projectTag.key}`]: projectTag.value },
};
