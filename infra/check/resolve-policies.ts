// Replaces CloudFormation's functions in the policies of templates by ARNs, as IAM reads them.
import { z } from "zod";
import { checkedRegion, type SynthesizedVariant } from "./synthesize.ts";

const account = "111122223333";
const key = "1234abcd-12ab-34cd-56ef-1234567890ab";

/** The form of each type's ARN, by logical id. https://docs.aws.amazon.com/service-authorization/latest/reference */
const arns: Readonly<Record<string, (id: string) => string>> = {
  "AWS::Events::Rule": (id) => `arn:aws:events:${checkedRegion}:${account}:rule/${id}`,
  "AWS::IAM::InstanceProfile": (id) => `arn:aws:iam::${account}:instance-profile/${id}`,
  "AWS::IAM::Role": (id) => `arn:aws:iam::${account}:role/${id}`,
  "AWS::KMS::Key": () => `arn:aws:kms:${checkedRegion}:${account}:key/${key}`,
  "AWS::Lambda::Function": (id) => `arn:aws:lambda:${checkedRegion}:${account}:function:${id}`,
  "AWS::Logs::LogGroup": (id) => `arn:aws:logs:${checkedRegion}:${account}:log-group:${id}:*`,
  "AWS::S3::Bucket": (id) => `arn:aws:s3:::${id.toLowerCase()}`,
  "AWS::SNS::Topic": (id) => `arn:aws:sns:${checkedRegion}:${account}:${id}`,
  "AWS::SQS::Queue": (id) => `arn:aws:sqs:${checkedRegion}:${account}:${id}`,
  "AWS::StepFunctions::StateMachine": (id) => `arn:aws:states:${checkedRegion}:${account}:stateMachine:${id}`,
};

/** Types whose Ref is the ARN. */
const refIsArn = ["AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"];

const pseudoParameters: Readonly<Record<string, string>> = {
  "AWS::AccountId": account,
  "AWS::Partition": "aws",
  "AWS::Region": checkedRegion,
  "AWS::URLSuffix": "amazonaws.com",
};

/** The properties that hold a policy with resources; a role's trust policy has none. */
const policyProperties = ["PolicyDocument", "KeyPolicy"] as const;

const resourceSchema = z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) });
const outputSchema = z.object({ Value: z.unknown(), Export: z.object({ Name: z.string() }).optional() });
const templateSchema = z.object({
  Resources: z.record(z.string(), resourceSchema),
  Outputs: z.record(z.string(), outputSchema).default({}),
});
type ParsedTemplate = z.infer<typeof templateSchema>;

const functionSchema = z.union([
  z.strictObject({ Ref: z.string() }),
  z.strictObject({ "Fn::GetAtt": z.tuple([z.string(), z.string()]) }),
  z.strictObject({ "Fn::Join": z.tuple([z.string(), z.array(z.unknown())]) }),
  z.strictObject({ "Fn::Sub": z.string() }),
  z.strictObject({ "Fn::ImportValue": z.string() }),
]);

export interface NamedPolicy {
  /** Type and logical id of the resource. */
  readonly name: string;
  readonly policy: unknown;
}

interface Scope {
  readonly template: ParsedTemplate;
  readonly all: readonly ParsedTemplate[];
}

/** @throws Error when the type has no ARN above */
function arnOf(id: string, { template }: Scope): string {
  const type = template.Resources[id]?.Type ?? "";
  const arn = arns[type];
  if (arn === undefined) throw new Error(`${id}: the form of the ARN of ${type} is missing in resolve-policies.ts`);
  return arn(id);
}

function resolveRef(id: string, scope: Scope): string {
  const type = scope.template.Resources[id]?.Type;
  return pseudoParameters[id] ?? (type !== undefined && refIsArn.includes(type) ? arnOf(id, scope) : id);
}

/** @throws Error when no template exports the name */
function resolveImport(name: string, { all }: Scope): unknown {
  for (const template of all) {
    const output = Object.values(template.Outputs).find((candidate) => candidate.Export?.Name === name);
    if (output !== undefined) return resolve(output.Value, { template, all });
  }
  throw new Error(`No template exports ${name}`);
}

function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, scope));
  if (typeof value !== "object" || value === null) return value;
  const call = functionSchema.safeParse(value).data;
  if (call === undefined) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, resolve(item, scope)]));
  }
  if ("Ref" in call) return resolveRef(call.Ref, scope);
  if ("Fn::Join" in call) return call["Fn::Join"][1].map((item) => resolve(item, scope)).join(call["Fn::Join"][0]);
  if ("Fn::ImportValue" in call) return resolveImport(call["Fn::ImportValue"], scope);
  if ("Fn::Sub" in call) return call["Fn::Sub"].replaceAll(/\$\{([\w:]+)\}/g, (_, id: string) => resolveRef(id, scope));
  const [id, attribute] = call["Fn::GetAtt"];
  return attribute === "Arn" ? arnOf(id, scope) : id;
}

/** All policies of a variant's templates. @throws Error when a function of CloudFormation cannot be resolved */
export function resolvePolicies({ templates }: SynthesizedVariant): readonly NamedPolicy[] {
  const all = templates.map(({ template }) => templateSchema.parse(template.toJSON()));
  return all.flatMap((template) =>
    Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) =>
      policyProperties.flatMap((property) =>
        property in Properties
          ? [{ name: `${Type}.${id}`, policy: resolve(Properties[property], { template, all }) }]
          : [],
      ),
    ),
  );
}
