// Runs Preflight's checks with the person's credentials and the configuration of the deployed function.
import { EC2Client } from "@aws-sdk/client-ec2";
import { IAMClient } from "@aws-sdk/client-iam";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { executionArnPrefix } from "../../lambdas/contract/arns.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import type { CheckOutcome } from "../../lambdas/preflight/checks/run-checks.ts";
import {
  type PreflightClients,
  type PreflightConfig,
  preflightSettingsSchema,
} from "../../lambdas/preflight/preflight-context.ts";
import { checkAccount, planExecution } from "../../lambdas/preflight/run-preflight.ts";
import { readEnvironment } from "../../lambdas/runtime/environment.ts";
import { type Clients, clientSettings } from "../account/aws-clients.ts";
import type { Target } from "../account/deployment-target.ts";
import { embeddedAccountId } from "../account/embedded-environment.ts";
import type { ExecutionInput } from "../execution/execution-input.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { listResources } from "./delete-stacks.ts";
import { type DeployedStack, stackName } from "./deployed-stacks.ts";

/** Names the probe object that the check of the bucket writes and deletes. */
const executionName = "from-the-command-line";

interface Preflight {
  readonly execution: { readonly id: string; readonly name: string; readonly startTime: string };
  readonly config: PreflightConfig;
  readonly clients: PreflightClients;
}

/** Runs the checks that Preflight makes for a run in mode mini. Nothing is created. */
export async function runPreflightChecks(target: Target, deployed: DeployedStack): Promise<readonly CheckOutcome[]> {
  const { execution, config, clients } = await openPreflight(target, deployed);
  return checkAccount({ state: { input: { mode: "mini" } }, execution }, config, clients);
}

/**
 * Plans a run as Preflight does. Nothing is created.
 *
 * @throws InvalidInput, PreflightFailed
 */
export async function planRun(target: Target, deployed: DeployedStack, input: ExecutionInput): Promise<Plan> {
  const { execution, config, clients } = await openPreflight(target, deployed);
  return planExecution({ state: { input }, execution }, config, clients);
}

async function openPreflight(target: Target, { stateMachineArn }: DeployedStack): Promise<Preflight> {
  const settings = clientSettings(target.account === embeddedAccountId ? target.env : {});
  return {
    execution: {
      id: `${executionArnPrefix(stateMachineArn)}${executionName}`,
      name: executionName,
      startTime: new Date().toISOString(),
    },
    config: await readPreflightConfig(target, new LambdaClient(settings)),
    clients: {
      ...target.clients,
      iam: new IAMClient(settings),
      ec2: new EC2Client(settings),
      quotas: new ServiceQuotasClient(settings),
    },
  };
}

async function readPreflightConfig({ clients, region }: Target, lambda: LambdaClient): Promise<PreflightConfig> {
  const FunctionName = await findPreflight(clients);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  return readEnvironment(preflightSettingsSchema, { ...Environment?.Variables, AWS_REGION: region });
}

async function findPreflight(clients: Clients): Promise<string> {
  const resources = await listResources(clients, { StackName: stackName });
  const found = resources.find(
    ({ ResourceType, LogicalResourceId = "" }) =>
      ResourceType === "AWS::Lambda::Function" && LogicalResourceId.startsWith("Preflight"),
  );
  if (!found?.PhysicalResourceId) throw new CommandFailed(`The stack ${stackName} has no function Preflight`);
  return found.PhysicalResourceId;
}
