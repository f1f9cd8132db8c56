import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { expect, it } from "vitest";
import { type AccountRecord, checkCalls, leastPrivilege } from "../../../infra/check/least-privilege.ts";

const account = "000000000000";
const role = `arn:aws:iam::${account}:role/Orchard-SweepRole-1`;
const cluster = `arn:aws:elasticmapreduce:eu-west-1:${account}:cluster`;
const tag = "elasticmapreduce:ResourceTag/orchard:execution-arn";

/** A record of a role that may read and write runs/ and terminate clusters with its own tag, and of the given calls. */
function record(...calls: readonly Omit<AccountRecord["calls"][number], "role">[]): AccountRecord {
  return {
    roles: {
      [role]: {
        logicalId: "SweepRole0123ABCD",
        policies: {
          Own: {
            Version: "2012-10-17",
            Statement: [
              { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: "arn:aws:s3:::data/runs/*" },
              {
                Effect: "Allow",
                Action: "elasticmapreduce:TerminateJobFlows",
                Resource: `${cluster}/*`,
                Condition: { StringLike: { [tag]: "own:*" } },
              },
            ],
          },
        },
      },
    },
    calls: calls.map((call) => ({ role, ...call })),
  };
}

const get = { action: "s3:GetObject", resource: "arn:aws:s3:::data/runs/a b/é+1.json", context: {} };
const put = { ...get, action: "s3:PutObject" };
const end = { action: "elasticmapreduce:TerminateJobFlows", resource: `${cluster}/j-1`, context: { [tag]: "own:1" } };
function findingsOfSweep(findings: readonly string[]) {
  return findings.filter((finding) => finding.startsWith("SweepRole: "));
}

it("reports nothing when every call is allowed and the accounts together need every grant", async () => {
  const { calls, grants, denied, unused } = await checkCalls([record(get, end), record(put)]);

  expect({ calls, grants, denied }).toEqual({ calls: 3, grants: 3, denied: [] });
  expect(findingsOfSweep(unused)).toEqual([]);
});

it.each([
  ["another action", { ...get, action: "s3:DeleteObject" }],
  ["another resource", { ...get, resource: "arn:aws:s3:::data/raw/a" }],
  ["another tag", { ...end, context: { [tag]: "other:1" } }],
  ["no tag", { ...end, context: {} }],
])("reports a call that the policy denies because of %s", async (_, call) => {
  const { denied } = await checkCalls([record(get, put, end, call)]);

  expect(denied).toEqual([expect.stringContaining(`SweepRole: ${call.action} on ${call.resource}`)]);
});

it("reports a grant that no call needs, where a denied call does not count", async () => {
  const { unused } = await checkCalls([record(get, { ...end, context: {} })]);

  expect(findingsOfSweep(unused)).toEqual([
    "SweepRole: no test needs s3:PutObject on arn:aws:s3:::data/runs/*",
    `SweepRole: no test needs elasticmapreduce:TerminateJobFlows on ${cluster}/*`,
  ]);
});

it("reports a call of a role that the stack does not have", async () => {
  const { denied } = await checkCalls([{ roles: {}, calls: [{ role, ...get }] }]);

  expect(denied).toEqual([`${role} is not a role of the stack: s3:GetObject on ${get.resource}`]);
});

it("reports wildcards only where AWS supports a finer resource", async () => {
  const app = new App();
  const stack = new Stack(app, "Test");
  const made = new Role(stack, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  for (const action of ["s3:Get*", "sns:Publish", "elasticmapreduce:ListClusters"]) {
    made.addToPolicy(new PolicyStatement({ actions: [action], resources: ["*"] }));
  }
  const templates = [{ stack: "Test", file: "", template: Template.fromStack(stack) }];

  const { findings } = await leastPrivilege([{ name: "test", app, templates }], { complete: false });

  expect(findings).toEqual([
    "Role: s3:Get* is a wildcard",
    "Role: sns:Publish on *, and AWS supports a finer resource",
  ]);
});
