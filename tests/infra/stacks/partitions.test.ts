import { join } from "node:path";
import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { RegionInfo } from "aws-cdk-lib/region-info";
import { describe, expect, it } from "vitest";
import { addStacks } from "../../../infra/stacks/stacks.ts";
import { euRegions } from "../../../lambdas/catalog/regions.ts";
import { configWith, newApp, temporaryFolder } from "../fixtures.ts";

const outdir = temporaryFolder();
/** A region of each partition: those of the region list, China and GovCloud. */
const regions: Readonly<Record<string, string>> = Object.fromEntries(
  [...euRegions, "cn-north-1", "us-gov-west-1"].map((region) => [RegionInfo.get(region).partition, region]),
);

it("the region list and the two others have four partitions", () => {
  expect(Object.keys(regions).sort()).toEqual(["aws", "aws-cn", "aws-eusc", "aws-us-gov"]);
});

/**
 * An ARN begins with its partition (docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html), as does the Resource of
 * a service integration in Step Functions.
 */
describe.each(Object.entries(regions))("in the partition %s", (partition, region) => {
  const app = newApp(join(outdir, partition));
  const env = { account: "111122223333", region };
  // AWS Budgets is not available in GovCloud (docs.aws.amazon.com/govcloud-us/latest/UserGuide/using-services.html).
  const guardrails = partition !== "aws-us-gov";
  addStacks(app, configWith({ allowNonEuRegion: true, guardrails }, region), env);
  const stacks = app.node.children.filter((child) => child instanceof Stack);

  it.each(stacks.map((stack) => [stack.node.id, stack] as const))(
    "the stack %s has no ARN of another one",
    (_, stack) => {
      const text = JSON.stringify(Template.fromStack(stack));

      expect(text.match(/arn:aws[\w-]*:.{0,80}/g) ?? []).toEqual([]);
    },
  );

  it("the state machine calls its own partition's services", () => {
    const pipeline = Template.fromStack(app.node.findChild("Orchard") as Stack);
    const [machine] = Object.values(pipeline.findResources("AWS::StepFunctions::StateMachine"));
    const { DefinitionString: definition, DefinitionSubstitutions: substitutions } = machine?.["Properties"] ?? {};

    expect(String(definition).match(/"arn:[^"]*:states:[^"]*"/g)).toHaveLength(6);
    expect(String(definition).match(/arn:(?!\$\{Partition\}:)[^"]*/g) ?? []).toEqual([]);
    expect(substitutions.Partition).toEqual({ Ref: "AWS::Partition" });
  });

  it("the workflow may create EMR's service-linked role, which can have another name in China", () => {
    const text = JSON.stringify(Template.fromStack(app.node.findChild("Orchard") as Stack));

    const roles = text.match(/aws-service-role\/elastic[^"]*/g);
    expect(roles).toContain(
      `aws-service-role/elasticmapreduce.amazonaws.com${partition === "aws-cn" ? ".cn" : ""}/AWSServiceRoleForEMRCleanup`,
    );
  });
});
