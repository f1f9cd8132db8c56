import type { StackTemplate } from "../../../cli/deployment/incompatible-changes.ts";
import type { Deployment } from "../scenarios/scenario.ts";
import { escapeXml, xmlResponse } from "./aws-protocols.ts";
import { bucket, type Deployed } from "./deployed.ts";
import type { HttpResponse } from "./sandbox.ts";

/** Stands for the template of the stack: `deploy` compares its resources by their properties. */
const template = {
  Resources: { Nodes: { Type: "AWS::EC2::SecurityGroup", Properties: { GroupDescription: "the nodes" } } },
} satisfies StackTemplate;

/** The template with a new resource, or with a change of one that clusters use. */
export function changedTemplate({ isHarmless }: Deployment): StackTemplate {
  return {
    Resources: isHarmless
      ? { ...template.Resources, More: { Type: "AWS::SNS::Topic" } }
      : { Nodes: { ...template.Resources.Nodes, Properties: { GroupDescription: "other nodes" } } },
  };
}

function members(name: string, items: readonly Readonly<Record<string, string>>[]): string {
  const fields = (item: Readonly<Record<string, string>>) =>
    Object.entries(item).map(([key, value]) => `<${key}>${escapeXml(value)}</${key}>`);
  return `<${name}>${items.map((item) => `<member>${fields(item).join("")}</member>`).join("")}</${name}>`;
}

/** Answers a request about the stack, which exists. */
export function describeStack(operation: string, { stateMachineArn, topicArn }: Deployed): HttpResponse {
  const outputs = {
    StateMachineArn: stateMachineArn,
    DataBucketName: bucket,
    InputPrefix: "data/raw/",
    TopicArn: topicArn,
  };
  const described = members(
    "Outputs",
    Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
  );
  const results: Readonly<Record<string, string>> = {
    DescribeStacks: `<Stacks><member><StackName>Orchard</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>${described}</member></Stacks>`,
    GetTemplate: `<TemplateBody>${escapeXml(JSON.stringify(template))}</TemplateBody>`,
  };
  return xmlResponse(
    `<${operation}Response><${operation}Result>${results[operation] ?? ""}</${operation}Result></${operation}Response>`,
  );
}
