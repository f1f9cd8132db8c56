// Runs Preflight's checks with the person's credentials and the configuration of the deployed function.
import { paginateListStackResources } from "@aws-sdk/client-cloudformation";
import { EC2Client } from "@aws-sdk/client-ec2";
import { IAMClient } from "@aws-sdk/client-iam";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import type { CheckOutcome } from "../../lambdas/preflight/checks/run-checks.ts";
import { type PreflightConfig, preflightSettingsSchema } from "../../lambdas/preflight/preflight-context.ts";
import { checkAccount } from "../../lambdas/preflight/run-preflight.ts";
import { readEnvironment } from "../../lambdas/runtime/environment.ts";
import { type Clients, clientSettings } from "../account/aws-clients.ts";
import type { Target } from "../account/deployment-target.ts";
import { embeddedAccountId } from "../account/embedded-environment.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import { type DeployedStack, stackName } from "./deployed-stacks.ts";

/** Names the probe object that the check of the bucket writes and deletes. */
const executionName = "doctor";

/** Runs the checks that Preflight makes for a run in mode mini. Nothing is created. */
export async function runPreflightChecks(
  target: Target,
  { stateMachineArn }: DeployedStack,
): Promise<readonly CheckOutcome[]> {
  const settings = clientSettings(target.account === embeddedAccountId ? target.env : {});
  const config = await readPreflightConfig(target, new LambdaClient(settings));
  const execution = {
    id: `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${executionName}`,
    name: executionName,
    startTime: new Date().toISOString(),
  };
  return checkAccount({ state: { input: { mode: "mini" } }, execution }, config, {
    ...target.clients,
    iam: new IAMClient(settings),
    ec2: new EC2Client(settings),
    quotas: new ServiceQuotasClient(settings),
  });
}

async function readPreflightConfig({ clients, region }: Target, lambda: LambdaClient): Promise<PreflightConfig> {
  const FunctionName = await findPreflight(clients);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  return readEnvironment(preflightSettingsSchema, { ...Environment?.Variables, AWS_REGION: region });
}

async function findPreflight({ cloudFormation }: Clients): Promise<string> {
  for await (const { StackResourceSummaries = [] } of paginateListStackResources(
    { client: cloudFormation },
    { StackName: stackName },
  )) {
    for (const { ResourceType, LogicalResourceId, PhysicalResourceId } of StackResourceSummaries) {
      const isPreflight = ResourceType === "AWS::Lambda::Function" && /^Preflight/.test(LogicalResourceId ?? "");
      if (isPreflight && PhysicalResourceId) return PhysicalResourceId;
    }
  }
  throw new CommandFailed(`The stack ${stackName} has no function Preflight`);
}
