// Runs Preflight's checks with the person's credentials and the configuration of the deployed function.
import { EC2Client } from "@aws-sdk/client-ec2";
import { IAMClient } from "@aws-sdk/client-iam";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { ServiceOutputTypes } from "@aws-sdk/client-s3";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { isNamed } from "../../lambdas/aws/errors.ts";
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
import { type Clients, clientSettings, createClients } from "../account/aws-clients.ts";
import { clientEnvironment, type Target } from "../account/deployment-target.ts";
import type { ExecutionInput } from "../execution/execution-input.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { listResources } from "./delete-stacks.ts";
import { type DeployedStack, stackName } from "./deployed-stacks.ts";

/** Names the probe object that the check of the bucket writes and deletes. */
const executionName = "from-the-command-line";

interface Preflight {
  readonly execution: { readonly id: string; readonly name: string; readonly startTime: string };
  readonly config: PreflightConfig;
  readonly clients: PreflightClients;
}

/** Runs the checks that Preflight makes for a run in mode mini. They leave nothing behind. */
export async function runPreflightChecks(target: Target, deployed: DeployedStack): Promise<readonly CheckOutcome[]> {
  const { execution, config, clients } = await openPreflight(target, deployed);
  return checkAccount({ state: { input: { mode: "mini" } }, execution }, config, clients);
}

/** Plans a run. @throws UsageError for an input that Preflight refuses, CommandFailed when the account is not ready */
export type Planner = (input: ExecutionInput) => Promise<Plan>;

/**
 * Opens a planner that plans runs as Preflight does, and leaves nothing behind. It lists the images once for all runs,
 * because the modes only select differently from the same images.
 */
export async function openPlanner(target: Target, deployed: DeployedStack): Promise<Planner> {
  const { execution, config, clients } = await openPreflight(target, deployed);
  rememberAnswers(clients.s3);
  return async (input) => {
    try {
      return await planExecution({ state: { input }, execution }, config, clients);
    } catch (error) {
      if (isNamed(error, "InvalidInput")) throw new UsageError(error.message);
      if (isNamed(error, "PreflightFailed")) throw new CommandFailed(error.message);
      throw error;
    }
  };
}

/** A body can be read only once, so the answers of GetObject are not kept. */
const remembered = ["ListObjectsV2Command", "HeadObjectCommand"];

/** Makes the client ask S3 each question once. */
function rememberAnswers({ middlewareStack }: PreflightClients["s3"]): void {
  const answers = new Map<string, Promise<{ output: ServiceOutputTypes; response: unknown }>>();
  middlewareStack.add(
    (next, { commandName = "" }) => {
      if (!remembered.includes(commandName)) return next;
      return (args) => {
        const question = `${commandName} ${JSON.stringify(args.input)}`;
        const answer = answers.get(question) ?? next(args);
        answers.set(question, answer);
        return answer;
      };
    },
    { step: "initialize", name: "rememberAnswers" },
  );
}

async function openPreflight(target: Target, { stateMachineArn }: DeployedStack): Promise<Preflight> {
  const env = clientEnvironment(target);
  const settings = clientSettings(env);
  return {
    execution: {
      id: `${executionArnPrefix(stateMachineArn)}${executionName}`,
      name: executionName,
      startTime: new Date().toISOString(),
    },
    config: await readPreflightConfig(target, new LambdaClient(settings)),
    clients: {
      // Use separate clients, because the planner makes its S3 client remember answers.
      ...createClients(env),
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
