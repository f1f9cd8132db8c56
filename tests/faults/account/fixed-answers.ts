import { type ApiCall, jsonResponse, xmlResponse } from "./aws-protocols.ts";
import { account, region } from "./deployed.ts";
import type { HttpResponse } from "./sandbox.ts";

const trust = encodeURIComponent('{"Principal":{"Service":"elasticmapreduce.amazonaws.com"}}');

/** Answers to Preflight about an account that passes all checks. Only faults change them. */
const answers: Readonly<Record<string, string>> = {
  GetCallerIdentity: `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::${account}:assumed-role/f</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`,
  GetRole: `<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName><AssumeRolePolicyDocument>${trust}</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>`,
  GetInstanceProfile:
    "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><Roles><member><RoleName>r</RoleName></member></Roles></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>",
  ListSubscriptionsByTopic: `<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions><member><SubscriptionArn>arn:aws:sns:${region}:${account}:orchard:1</SubscriptionArn><Endpoint>you@example.com</Endpoint></member></Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`,
  Publish: "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>",
};

/** Describes a type as one that the region offers. */
function instanceTypes(input: Readonly<Record<string, string>>): string {
  const item = `<item><instanceType>${input["InstanceType.1"]}</instanceType></item>`;
  return `<DescribeInstanceTypesResponse><instanceTypeSet>${item}</instanceTypeSet></DescribeInstanceTypesResponse>`;
}

/** Describes the given subnets as the stack creates them: tagged and with free addresses. */
function subnets(input: Readonly<Record<string, string>>): string {
  const ids = Object.entries(input).flatMap(([key, id]) => (key.startsWith("SubnetId.") ? [id] : []));
  const tag = "<key>for-use-with-amazon-emr-managed-policies</key><value>true</value>";
  const items = ids.map(
    (id) =>
      `<item><subnetId>${id}</subnetId><availabilityZone>${region}a</availabilityZone><availableIpAddressCount>250</availableIpAddressCount><tagSet><item>${tag}</item></tagSet></item>`,
  );
  return `<DescribeSubnetsResponse><subnetSet>${items.join("")}</subnetSet></DescribeSubnetsResponse>`;
}

/** Answers a read-only call, or Publish. @throws Error for an operation that the simulation does not know */
export function fixedAnswer(call: ApiCall): HttpResponse {
  if (call.operation === "GetServiceQuota") return jsonResponse({ Quota: { Value: 256 } });
  const described: Readonly<Record<string, typeof subnets>> = {
    DescribeInstanceTypes: instanceTypes,
    DescribeSubnets: subnets,
  };
  const body = described[call.operation]?.(call.input) ?? answers[call.operation];
  if (body === undefined)
    throw new Error(`The simulation has no answer to ${call.service}:${call.operation}; add one to fixed-answers.ts.`);
  return xmlResponse(body);
}
