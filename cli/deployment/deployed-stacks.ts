import { DescribeStacksCommand, type Stack, UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import { z } from "zod";
import { isNamed } from "../../lambdas/aws/errors.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { Target } from "../account/deployment-target.ts";
import { NotFound } from "../terminal/command-errors.ts";
import type { Cdk } from "./cdk-command.ts";

/** Name of the stack with the pipeline. */
export const stackName = "Orchard";

/** The resources of a deployed stack that commands use. */
export interface DeployedStack {
  readonly stateMachineArn: string;
  readonly bucket: string;
  /** Prefix of the image tree in the bucket. */
  readonly inputPrefix: string;
  readonly topicArn: string;
}

/** Returns the s3:// URI of the image tree that runs use unless their input names another one. */
export function imageTreeUri({ bucket, inputPrefix }: Pick<DeployedStack, "bucket" | "inputPrefix">): string {
  return `s3://${bucket}/${inputPrefix}`;
}

export interface Deployment extends DeployedStack {
  /** Whether nothing had changed since the last deployment. */
  readonly skipped: boolean;
}

const outputsSchema = z.object({
  StateMachineArn: z.string(),
  DataBucketName: z.string(),
  InputPrefix: z.string(),
  TopicArn: z.string(),
});

/**
 * Deploys stacks, and bootstraps the account and region for the CDK when they are not bootstrapped.
 *
 * @param log receives the current activity
 * @param stacks names of the stacks; all by default
 */
export async function deployStacks(
  cdk: Pick<Cdk, "bootstrap" | "deploy" | "synth">,
  { clients }: Target,
  log: (line: string) => void,
  stacks?: readonly string[],
): Promise<void> {
  const bootstrap = async (): Promise<void> => {
    if (await describeStack(clients, "CDKToolkit")) return;
    log("the CDK's own stack CDKToolkit is missing: bootstrap");
    await cdk.bootstrap();
  };
  await Promise.all([cdk.synth(), bootstrap()]);
  await unprotectFailedCreation(clients);
  log("CloudFormation");
  await cdk.deploy(stacks);
}

/** Lets the CDK delete a stack whose creation failed and create it again: termination protection would forbid this. */
async function unprotectFailedCreation(clients: Clients): Promise<void> {
  const stack = await describeStack(clients, stackName);
  if (/^ROLLBACK_(COMPLETE|FAILED)$/.test(stack?.StackStatus ?? "")) await liftProtection(clients, stack);
}

/** Lifts a stack's termination protection, if it has one. */
export async function liftProtection({ cloudFormation }: Clients, stack: Stack | undefined): Promise<void> {
  if (!stack?.EnableTerminationProtection) return;
  await cloudFormation.send(
    new UpdateTerminationProtectionCommand({ StackName: stack.StackName, EnableTerminationProtection: false }),
  );
}

/** Reads the deployed stack's outputs; undefined when there is no complete deployment. */
export async function readDeployment(clients: Clients): Promise<DeployedStack | undefined> {
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

/** @throws NotFound when the account has no complete deployment */
export async function requireDeployment({ clients, account, region }: Target): Promise<DeployedStack> {
  const deployment = await readDeployment(clients);
  if (!deployment) {
    throw new NotFound(`There is no stack ${stackName} in account ${account}, ${region}. First: orchard deploy`);
  }
  return deployment;
}

/** @param name name or id of the stack; a deleted stack is found by its id only */
export async function describeStack({ cloudFormation }: Clients, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    // CloudFormation has no specific error for a stack that does not exist.
    if (isNamed(error, "ValidationError")) return undefined;
    throw error;
  }
}

export function outputsOf(stack: Stack | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (stack?.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]),
  );
}
