import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addStacks } from "../../infra/stacks/stacks.ts";
import { configWith, newApp } from "../infra/fixtures.ts";
import { clientConfig, type TestAccount, testAccount } from "./account-fixtures.ts";

let account: TestAccount;
beforeAll(async () => {
  account = await testAccount();
});
afterAll(() => account?.remove());

/** Returns templates with only the security configuration as the product synthesizes it, but with other settings. */
function templates(...all: readonly object[]): readonly string[] {
  const pipeline = Template.fromStack(addStacks(newApp(), configWith({ guardrails: false })));
  const [configuration] = Object.values(pipeline.findResources("AWS::EMR::SecurityConfiguration"));
  return all.map((settings) => {
    const Properties = { ...configuration?.["Properties"], SecurityConfiguration: settings };
    const Resources = { Configuration: { ...configuration, Properties } };
    return JSON.stringify({ Resources, Outputs: { Name: { Value: { Ref: "Configuration" } } } });
  });
}

it("a deployment can change the security configuration and return to the earlier one", async () => {
  // Prepare
  const cloudFormation = new CloudFormationClient(clientConfig(account));
  const stack = { StackName: "Security" };
  const waiting = { client: cloudFormation, maxWaitTime: 30, minDelay: 1, maxDelay: 1 };
  const withHops = (hops: number) => ({ InstanceMetadataServiceConfiguration: { HttpPutResponseHopLimit: hops } });
  const [first, ...later] = templates(withHops(2), withHops(1), withHops(2));
  const nameNow = async (): Promise<string> => {
    const { Stacks: [now] = [] } = await cloudFormation.send(new DescribeStacksCommand(stack));
    return now?.Outputs?.[0]?.OutputValue ?? "";
  };

  // Act
  const names: string[] = [];
  await cloudFormation.send(new CreateStackCommand({ ...stack, TemplateBody: first }));
  await waitUntilStackCreateComplete(waiting, stack);
  names.push(await nameNow());
  for (const TemplateBody of later) {
    await cloudFormation.send(new UpdateStackCommand({ ...stack, TemplateBody }));
    await waitUntilStackUpdateComplete(waiting, stack);
    names.push(await nameNow());
  }

  // Assess: each has its own name, and the earlier ones stay for executions that were already running.
  expect(new Set(names).size).toBe(3);
  const { StackEvents: events = [] } = await cloudFormation.send(new DescribeStackEventsCommand(stack));
  const kept = events.filter(({ ResourceStatus: status }) => status === "DELETE_SKIPPED");
  expect(kept.map(({ PhysicalResourceId: name }) => name).sort()).toEqual(names.slice(0, 2).sort());
}, 120_000);
