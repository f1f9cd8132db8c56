import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { DescribeStacksCommand, type Stack } from "@aws-sdk/client-cloudformation";
import { z } from "zod";
import { isNamed } from "../../lambdas/aws/errors.ts";
import type { Clients } from "../account/aws-clients.ts";
import { openTarget, type Target } from "../account/deployment-target.ts";
import type { RunningAccount } from "../account/embedded-account.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places, root } from "../toolchain/places.ts";
import { withoutAws } from "../toolchain/run-tool.ts";
import { Cdk, type Context } from "./cdk-command.ts";

export const stackName = "Orchard";
/** What a deployment is made of, besides the context. */
const sources = ["infra", "lambdas", "statemachine", "spark", "bootstrap", "package-lock.json", "cdk.json"];

export interface Deployment {
  readonly stateMachineArn: string;
  readonly bucket: string;
  /** Where the image tree is in the bucket. */
  readonly inputPrefix: string;
  readonly topicArn: string;
  /** Nothing had changed since the last one. */
  readonly skipped: boolean;
}

const outputsSchema = z.object({
  StateMachineArn: z.string(),
  DataBucketName: z.string(),
  InputPrefix: z.string(),
  TopicArn: z.string(),
});

/** Deploys the stacks, all by default, and bootstraps the account and region for the CDK when nobody has. */
export async function deployStacks(
  cdk: Cdk,
  { clients }: Target,
  say: (line: string) => void,
  stacks?: readonly string[],
): Promise<void> {
  const bootstrap = async (): Promise<void> => {
    if (await describeStack(clients, "CDKToolkit")) return;
    say("the CDK's own stack CDKToolkit is missing: bootstrap");
    await cdk.bootstrap();
  };
  await Promise.all([cdk.synth(), bootstrap()]);
  say("CloudFormation");
  await cdk.deploy(stacks);
}

/** The deployed stack's outputs; undefined when there is none. */
export async function readDeployment(clients: Clients): Promise<Omit<Deployment, "skipped"> | undefined> {
  const stack = await describeStack(clients, stackName);
  const parsed = outputsSchema.safeParse(outputsOf(stack));
  if (!parsed.success) return undefined;
  const { StateMachineArn, DataBucketName, InputPrefix, TopicArn } = parsed.data;
  return {
    stateMachineArn: StateMachineArn,
    bucket: DataBucketName,
    inputPrefix: InputPrefix,
    topicArn: TopicArn,
  };
}

/** @throws UsageError when the account has no whole deployment */
export async function requireDeployment({ clients, account, region }: Target): Promise<Omit<Deployment, "skipped">> {
  const deployment = await readDeployment(clients);
  if (!deployment) {
    throw new UsageError(`There is no stack ${stackName} in account ${account}, ${region}. First: npm run deploy`);
  }
  return deployment;
}

/**
 * Deploys to the laptop's own account, model and wheels included, unless nothing has changed since the last time.
 *
 * @throws CommandFailed with the CDK's last lines
 */
export async function deploy(
  lifetime: Lifetime,
  account: RunningAccount,
  clients: Clients,
  say: (line: string) => void,
): Promise<Deployment> {
  const context = {
    modelFile: join(places.model, "model.tflite"),
    wheelhouseFile: places.wheelhouse,
    // On a laptop random weights are good enough to try everything; they are announced.
    allowSeededWeights: "true",
    // Nothing here would keep to it.
    securityConfiguration: "none",
  };
  const fingerprint = await fingerprintOf(context);
  const before = await describeStack(clients, stackName);
  const isCurrent = before !== undefined && isSettled(before) && readRecord() === `${before.StackId} ${fingerprint}`;
  if (!isCurrent) {
    // The CDK's own look at the templates takes longer than making them; `npm run check:infra` has it.
    const env = { ...withoutAws(), ...account.env, CDK_VALIDATION: "false" };
    const target = await openTarget(env, clients);
    const cdk = new Cdk(lifetime, target, context, join(places.account, "cdk.out"));
    await deployStacks(cdk, target, say, [stackName]);
  }
  const stack = isCurrent ? before : await describeStack(clients, stackName);
  const deployment = await readDeployment(clients);
  if (!stack || !deployment) throw new CommandFailed(`The stack ${stackName} is not there after its deployment.`);
  await mkdir(places.account, { recursive: true });
  await writeFile(recordPath, `${stack.StackId} ${fingerprint}`);
  return { ...deployment, skipped: isCurrent };
}

export async function describeStack({ cloudFormation }: Clients, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    // CloudFormation has no error of its own for a stack that is not there.
    if (isNamed(error, "ValidationError")) return undefined;
    throw error;
  }
}

export function outputsOf(stack: Stack | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (stack?.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]),
  );
}

function isSettled({ StackStatus }: Stack): boolean {
  return StackStatus === "CREATE_COMPLETE" || StackStatus === "UPDATE_COMPLETE";
}

/** Beside the account's state, which is what it speaks of. */
const recordPath = join(places.account, "deployed");

function readRecord(): string | undefined {
  return existsSync(recordPath) ? readFileSync(recordPath, "utf8") : undefined;
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function fingerprintOf(context: Context): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(context));
  for (const name of ["modelFile", "wheelhouseFile"]) hash.update(`\0${await sha256OfFile(context[name] ?? "")}\0`);
  for (const source of sources) {
    const path = join(root, source);
    const files = (await stat(path)).isDirectory() ? await filesUnder(path) : [path];
    for (const file of files) hash.update(`\0${file}\0`).update(await readFile(file));
  }
  return hash.digest("hex");
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
