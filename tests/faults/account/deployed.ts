import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { AccountRecord } from "../../../infra/check/least-privilege.ts";
import { configFromContext } from "../../../infra/config/config.ts";
import { PipelineStack } from "../../../infra/stacks/pipeline-stack.ts";
import type { Definition } from "../../statemachine/definition.ts";
import { writeAtomically } from "./shared-files.ts";

export const region = "eu-west-1";
export const account = "000000000000";
export const bucket = "orchard-data";
export const model = "the model";
export const wheelhouse = "the wheels";

export interface DeployedFunction {
  readonly arn: string;
  /** An ARN. */
  readonly role: string;
  /** The folder with the bundle, index.mjs, and the function's other files. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

/** An EventBridge rule or schedule, and the function that it invokes. */
export interface DeployedRule {
  readonly pattern?: unknown;
  readonly everyMs?: number;
  /** ARN of the function. */
  readonly target: string;
  /** Replaces the event. @default the event itself */
  readonly input?: unknown;
}

/** The parts of the deployed stack that take part in an execution. */
export interface Deployed {
  readonly stateMachineArn: string;
  readonly topicArn: string;
  readonly definition: Definition;
  readonly functions: readonly DeployedFunction[];
  readonly rules: readonly DeployedRule[];
  readonly roles: AccountRecord["roles"];
}

interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each resource type has its own properties
  readonly Properties: any;
}

function arnOf(id: string, { Type: type }: Resource): string {
  const [, service = "", kind = ""] = type.split("::");
  if (service === "Lambda") return `arn:aws:lambda:${region}:${account}:function:${id}`;
  if (service === "StepFunctions") return `arn:aws:states:${region}:${account}:stateMachine:Orchard`;
  if (service === "SNS") return `arn:aws:sns:${region}:${account}:orchard`;
  if (service === "S3") return `arn:aws:s3:::${bucket}`;
  if (service === "SQS") return `arn:aws:sqs:${region}:${account}:${id}`;
  if (service === "IAM") return `arn:aws:iam::${account}:${kind === "Role" ? "role" : "instance-profile"}/${id}`;
  return `arn:aws:${service.toLowerCase()}:${region}:${account}:${kind.toLowerCase()}/${id}`;
}

const pseudo: Readonly<Record<string, string>> = {
  "AWS::Region": region,
  "AWS::AccountId": account,
  "AWS::Partition": "aws",
};

/** Returns a function that evaluates CloudFormation's intrinsic functions. */
function resolver(resources: Readonly<Record<string, Resource>>) {
  const reference = (id: string): string => {
    const resource = resources[id];
    if (resource === undefined) return pseudo[id] ?? id;
    if (resource.Type === "AWS::S3::Bucket") return bucket;
    // Functions have one version, so the version's reference is the function's.
    if (resource.Type === "AWS::Lambda::Version") return reference(resource.Properties.FunctionName.Ref);
    return /::(StateMachine|Topic|Function)$/.test(resource.Type) ? arnOf(id, resource) : id;
  };
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== "object" || value === null) return value;
    const parts = value as Record<string, unknown>;
    const { Ref: ref, "Fn::GetAtt": attribute, "Fn::Join": join, "Fn::Sub": text } = parts;
    if (typeof ref === "string") return reference(ref);
    if (Array.isArray(attribute)) {
      const [id, name] = attribute as [string, string];
      const resource = resources[id] ?? { Type: "", Properties: {} };
      const own = resolve(resource.Properties.InstanceProfileName ?? id);
      const arn = arnOf(String(own), resource);
      return name === "Name" ? arn.split(":").at(-1) : arn;
    }
    if (typeof text === "string") return text.replaceAll(/\$\{([^}]+)\}/g, (_, id: string) => reference(id));
    if (Array.isArray(join)) return (resolve(join[1]) as string[]).join(String(join[0]));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
  };
  return resolve;
}

const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Converts an expression such as rate(15 minutes) to milliseconds. */
function rateMs(expression: string): number {
  const match = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (match === null) throw new Error(`The simulation knows schedules such as rate(15 minutes), not ${expression}.`);
  return Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
}

function ruleOf({ Type: type, Properties: given = {} }: Resource): readonly DeployedRule[] {
  const schedule = given.ScheduleExpression === undefined ? {} : { everyMs: rateMs(given.ScheduleExpression) };
  const pattern = given.EventPattern === undefined ? {} : { pattern: given.EventPattern };
  const targets: { Arn: string; Input?: string }[] =
    type === "AWS::Events::Rule" ? given.Targets : type === "AWS::Scheduler::Schedule" ? [given.Target] : [];
  return targets.map(({ Arn: target, Input: input }) => ({
    ...schedule,
    ...pattern,
    target,
    ...(input === undefined ? {} : { input: JSON.parse(input) }),
  }));
}

/**
 * Synthesizes the stack and its bundles once for all test files of a run. They share a temporary folder, which
 * vitest.config.ts removes.
 */
export function deploy(): Deployed {
  deployedHere ??= deployOnce();
  return deployedHere;
}

let deployedHere: Deployed | undefined;

function deployOnce(): Deployed {
  const cached = join(tmpdir(), "orchard-faults.json");
  if (existsSync(cached)) return JSON.parse(readFileSync(cached, "utf8"));
  const deployed = synthesize();
  writeAtomically(cached, JSON.stringify(deployed));
  return deployed;
}

/** Empties the Spark package that UploadScripts compresses in every execution. The simulation does not run it. */
function emptyPackages(folder: string): void {
  for (const file of readdirSync(folder, { encoding: "utf8", recursive: true })) {
    if (file.endsWith(".py")) writeFileSync(join(folder, file), "");
  }
}

/** Synthesizes the stack and reads from its template what takes part in an execution. */
function synthesize(): Deployed {
  const outdir = mkdtempSync(join(tmpdir(), "orchard-faults-"));
  const files = { model: join(outdir, "model"), wheelhouse: join(outdir, "wheelhouse") };
  writeFileSync(files.model, model);
  writeFileSync(files.wheelhouse, wheelhouse);
  const config = configFromContext({
    modelFile: files.model,
    modelWeights: "imagenet",
    wheelhouseFile: files.wheelhouse,
  });
  // tests/infra validates the template, which takes seconds.
  const app = new App({ outdir, builtinCloudFormationValidation: false });
  const stack = new PipelineStack(app, "Orchard", { config });
  const template: { Resources: Record<string, Resource> } = JSON.parse(JSON.stringify(Template.fromStack(stack)));
  emptyPackages(outdir);
  const resolve = resolver(template.Resources);
  const resources = Object.entries(template.Resources).map(([id, { Type, Properties }]) => ({
    id,
    Type,
    Properties: resolve(Properties) as Resource["Properties"],
  }));
  const ofType = (type: string) => resources.filter(({ Type }) => Type === type);
  const [machine] = ofType("AWS::StepFunctions::StateMachine");
  if (machine === undefined) throw new Error("The stack has no state machine.");
  const definition = String(machine.Properties.DefinitionString).replaceAll(
    /\$\{(\w+)\}/g,
    (_, name: string) => machine.Properties.DefinitionSubstitutions[name],
  );
  return {
    stateMachineArn: arnOf(machine.id, machine),
    topicArn: `arn:aws:sns:${region}:${account}:orchard`,
    definition: JSON.parse(definition),
    functions: ofType("AWS::Lambda::Function")
      .filter(({ Properties }) => Properties.Handler === "index.handler" && Properties.Environment)
      .map(({ id, Type, Properties }) => ({
        arn: arnOf(id, { Type, Properties }),
        role: Properties.Role,
        folder: join(outdir, `asset.${String(Properties.Code.S3Key).replace(/\.zip$/, "")}`),
        environment: Properties.Environment.Variables,
        timeoutSeconds: Properties.Timeout,
      })),
    rules: resources.flatMap(ruleOf),
    roles: Object.fromEntries(
      ofType("AWS::IAM::Role").map((role) => {
        const policies = ofType("AWS::IAM::Policy").filter(({ Properties }) => Properties.Roles.includes(role.id));
        const documents = policies.map(({ Properties }) => [Properties.PolicyName, Properties.PolicyDocument]);
        return [arnOf(role.id, role), { logicalId: role.id, policies: Object.fromEntries(documents) }];
      }),
    ),
  };
}
