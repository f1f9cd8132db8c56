import { ArnFormat, Duration, type Stack } from "aws-cdk-lib";
import { Policy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { ClusterDefaults } from "../../lambdas/contract/cluster-knobs.ts";
import { packManifest } from "../../lambdas/contract/image-tree.ts";
import {
  artifactsPrefix,
  dataPrefix,
  emrLogsPrefix,
  featuresStorePrefix,
  inventorySummaryFile,
  manifestFile,
  preflightProbePrefix,
  reportFile,
  runKey,
  runsPrefix,
  sparkEventsKey,
} from "../../lambdas/contract/s3-layout.ts";
import { stackTag } from "../../lambdas/contract/tags.ts";
import type { Config } from "../config/knobs.ts";
import type { EmrRoles } from "./emr-roles.ts";
import { type FunctionSettings, Handler } from "./handler.ts";
import { ownClusters } from "./own-clusters.ts";
import type { PublishedArtifacts } from "./published.ts";

/** The resources to which the functions' environments and policies refer. */
export interface FunctionResources {
  readonly stack: Stack;
  readonly config: Config;
  readonly bucket: IBucket;
  readonly topic: ITopic;
  readonly emrRoles: EmrRoles;
  readonly artifacts: PublishedArtifacts;
  readonly clusterDefaults: ClusterDefaults;
}

/** A function: its environment and policy are made from the stack's resources. */
interface FunctionRow<Resources> extends FunctionSettings {
  /** @default no variables but those of every handler */
  readonly environment?: (resources: Resources) => Readonly<Record<string, string>>;
  /** @default writing to its own log group only */
  readonly policy?: (resources: Resources) => readonly PolicyStatement[];
}

function allow(actions: readonly string[], resources: readonly string[], conditions = {}): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources: [...resources], conditions });
}

function allowObjects({ bucket }: FunctionResources, actions: readonly string[], ...keys: string[]): PolicyStatement {
  return allow(
    actions,
    keys.map((key) => bucket.arnForObjects(key)),
  );
}

/** The manifests of packs, wherever images may be. */
function allowReadPacks(resources: FunctionResources): PolicyStatement {
  const prefixes = new Set([dataPrefix, resources.config.inputPrefix]);
  return allowObjects(resources, ["s3:GetObject"], ...[...prefixes].map((prefix) => `${prefix}*${packManifest}`));
}

function allowListBucket({ bucket }: FunctionResources): PolicyStatement {
  return allow(["s3:ListBucket"], [bucket.bucketArn]);
}

function allowReadPublished({ artifacts: { model, wheelhouse, bf16Wheelhouse } }: FunctionResources): PolicyStatement {
  return allow(["s3:GetObject"], [model.arn, wheelhouse.arn, ...(bf16Wheelhouse ? [bf16Wheelhouse.arn] : [])]);
}

/** @param operations EMR operations to allow, on any cluster unless `conditions` limit them */
function allowOnClusters({ stack }: FunctionResources, operations: readonly string[], conditions = {}) {
  return allow(
    operations.map((operation) => `elasticmapreduce:${operation}`),
    [stack.formatArn({ service: "elasticmapreduce", resource: "cluster", resourceName: "*" })],
    conditions,
  );
}

/** IAM cannot limit ListClusters to a resource. */
function allowListClusters(): PolicyStatement {
  return allow(["elasticmapreduce:ListClusters"], ["*"]);
}

function publishedEnvironment({ artifacts }: FunctionResources): Record<string, string> {
  const { model, wheelhouse, bf16Wheelhouse } = artifacts;
  return {
    MODEL_SHA256: model.sha256,
    MODEL_ASSET: model.uri,
    WHEELHOUSE_SHA256: wheelhouse.sha256,
    WHEELHOUSE_ASSET: wheelhouse.uri,
    ...(bf16Wheelhouse
      ? { BF16_WHEELHOUSE_SHA256: bf16Wheelhouse.sha256, BF16_WHEELHOUSE_ASSET: bf16Wheelhouse.uri }
      : {}),
  };
}

/** ARN pattern of the executions of the state machines with a name of this pattern. */
function executionsArn({ stack }: FunctionResources, stateMachineName: string): string {
  return stack.formatArn({
    service: "states",
    resource: "execution",
    resourceName: `${stateMachineName}:*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

function allowDescribeExecutions(resources: FunctionResources, stateMachineName: string): PolicyStatement {
  return allow(["states:DescribeExecution"], [executionsArn(resources, stateMachineName)]);
}

/** The functions that the state machine calls, by the state that calls them. */
export const workflowFunctions = {
  TakeInput: {},
  TakeTurn: {},
  Preflight: {
    // Below the state's TimeoutSeconds, so that the function's own error message is the one that is reported.
    timeout: Duration.minutes(10),
    memoryMiB: 2048,
    environment: (resources) => ({
      DATA_BUCKET: resources.bucket.bucketName,
      ...publishedEnvironment(resources),
      MODEL_DESCRIPTION: JSON.stringify(resources.artifacts.modelDescription),
      TOPIC_ARN: resources.topic.topicArn,
      ALLOW_SEEDED_WEIGHTS: String(resources.config.allowSeededWeights),
      ALLOW_NON_EU_REGION: String(resources.config.allowNonEuRegion),
      INPUT_PREFIX: resources.config.inputPrefix,
      ...(resources.config.inventoryPrefix ? { INVENTORY_PREFIX: resources.config.inventoryPrefix } : {}),
      EMR_SERVICE_ROLE: resources.emrRoles.serviceRole.roleName,
      EMR_INSTANCE_PROFILE: resources.emrRoles.instanceProfileName,
      MAX_COST_USD: String(resources.config.maxCostUsd),
      MAX_KEEP_MINUTES: String(resources.config.maxKeepMinutes),
      CLUSTER_DEFAULTS: resources.stack.toJsonString(resources.clusterDefaults),
    }),
    policy: (resources) => [
      allowListBucket(resources),
      allow(["s3:GetBucketPublicAccessBlock", "s3:GetReplicationConfiguration"], [resources.bucket.bucketArn]),
      allowReadPublished(resources),
      allowObjects(resources, ["s3:GetObject"], `${artifactsPrefix}*`),
      allowObjects(resources, ["s3:PutObject", "s3:DeleteObject"], `${preflightProbePrefix}*`),
      allowObjects(resources, ["s3:GetObject", "s3:PutObject"], `${runsPrefix}*`),
      allowObjects(resources, ["s3:GetObject"], `${featuresStorePrefix}*`),
      allowReadPacks(resources),
      ...(resources.config.inventoryPrefix
        ? [allowObjects(resources, ["s3:GetObject"], `${resources.config.inventoryPrefix}*`)]
        : []),
      allow(["iam:GetRole"], [resources.emrRoles.serviceRole.roleArn]),
      allow(["iam:GetInstanceProfile"], [resources.emrRoles.instanceProfileArn]),
      allow(
        [
          "ec2:DescribeSubnets",
          "ec2:DescribeInstanceTypes",
          ...(resources.config.keyPair ? ["ec2:DescribeKeyPairs"] : []),
        ],
        ["*"],
      ),
      allow(["sns:ListSubscriptionsByTopic"], [resources.topic.topicArn]),
      // Reading one quota cannot be limited to that quota.
      allow(["servicequotas:GetServiceQuota"], ["*"]),
      // For a kept cluster that the execution input names.
      allowOnClusters(resources, ["DescribeCluster", "ListSteps"]),
    ],
  },
  UploadScripts: {
    files: ["spark/main.py", "spark/orchard", "bootstrap/bootstrap.sh"],
    environment: (resources) => ({ DATA_BUCKET: resources.bucket.bucketName, ...publishedEnvironment(resources) }),
    policy: (resources) => [
      allowListBucket(resources),
      allowReadPublished(resources),
      allowObjects(resources, ["s3:GetObject", "s3:PutObject"], `${artifactsPrefix}*`, sparkEventsKey),
    ],
  },
  ConfirmQuote: {
    timeout: Duration.seconds(50),
    policy: (resources) => [allowObjects(resources, ["s3:GetObject"], runKey("*", inventorySummaryFile))],
  },
  ValidateResults: {
    timeout: Duration.minutes(5),
    memoryMiB: 512,
    policy: (resources) => [
      allowListBucket(resources),
      allowObjects(resources, ["s3:GetObject", "s3:PutObject"], `${runsPrefix}*`),
    ],
  },
  KeepCluster: {
    policy: (resources) => [
      allowOnClusters(resources, ["DescribeCluster"]),
      allowOnClusters(resources, ["PutAutoTerminationPolicy", "AddTags"], ownClusters),
    ],
  },
  TerminateCluster: {
    timeout: Duration.minutes(2),
    policy: (resources) => [
      allowListClusters(),
      allowOnClusters(resources, ["DescribeCluster", "ListSteps"]),
      allowOnClusters(
        resources,
        [
          "SetTerminationProtection",
          "TerminateJobFlows",
          // A reused cluster keeps running; only the steps of the failed execution are cancelled.
          "CancelSteps",
        ],
        ownClusters,
      ),
    ],
  },
  ConfirmTerminated: { policy: (resources) => [allowOnClusters(resources, ["DescribeCluster"])] },
  DiagnoseFailure: {
    timeout: Duration.minutes(2),
    memoryMiB: 512,
    environment: ({ bucket }) => ({ DATA_BUCKET: bucket.bucketName }),
    policy: (resources) => [
      allowListBucket(resources),
      allowListClusters(),
      allowObjects(resources, ["s3:GetObject"], `${emrLogsPrefix}*`),
      allowOnClusters(resources, ["DescribeCluster", "ListSteps", "ListInstances"]),
    ],
  },
  RecordCost: {
    policy: (resources) => [
      allowOnClusters(resources, ["DescribeCluster", "ListInstances"]),
      allowObjects(resources, ["s3:GetObject", "s3:PutObject"], runKey("*", manifestFile)),
    ],
  },
  WriteReport: {
    // Below the state's TimeoutSeconds, so that the function's own error message is the one that is reported.
    timeout: Duration.seconds(50),
    // The figures of 70,000 images have 4.4 MB, and take 20 MB more as text, as objects and compressed (measured).
    memoryMiB: 512,
    policy: (resources) => [
      allowListBucket(resources),
      allowObjects(resources, ["s3:GetObject"], `${runsPrefix}*`),
      allowObjects(resources, ["s3:PutObject"], runKey("*", reportFile)),
      allowOnClusters(resources, ["DescribeCluster", "ListSteps"]),
    ],
  },
  Notify: {
    environment: ({ topic }) => ({ TOPIC_ARN: topic.topicArn }),
    policy: (resources) => [
      allow(["sns:Publish"], [resources.topic.topicArn]),
      // The mail's link has the permissions of the role that signed it.
      allowObjects(resources, ["s3:GetObject"], runKey("*", reportFile)),
    ],
  },
} satisfies Readonly<Record<string, FunctionRow<FunctionResources>>>;

/**
 * The function that EventBridge calls every 15 minutes. It refers to nothing that creates or uses clusters, so that the
 * stack's deletion can remove it last.
 */
export const sweepFunction = {
  SweepClusters: {
    timeout: Duration.minutes(5),
    environment: ({ stack, config }) => ({
      STACK_NAME: stack.stackName,
      MAX_CLUSTER_HOURS: String(config.maxClusterHours),
    }),
    policy: (resources) => [
      allowListClusters(),
      allowOnClusters(resources, ["DescribeCluster"]),
      allowOnClusters(
        resources,
        ["SetTerminationProtection", "TerminateJobFlows"],
        // IAM protects other clusters even if the function's own filter is wrong.
        { StringEquals: { [`elasticmapreduce:ResourceTag/${stackTag}`]: resources.stack.stackName } },
      ),
      // This includes the executions of a state machine that had another name, if that name begins with the stack's.
      allowDescribeExecutions(resources, `${resources.stack.stackName}*`),
    ],
  },
} satisfies Readonly<Record<string, FunctionRow<FunctionResources>>>;

/** The functions that EventBridge calls when the workflow cannot clean up itself. */
export const cleanUpFunctions = {
  NotifyStopped: {
    environment: ({ topic }) => ({ TOPIC_ARN: topic.topicArn }),
    policy: (resources) => [
      allowListClusters(),
      allowOnClusters(resources, ["DescribeCluster"]),
      allow(["sns:Publish"], [resources.topic.topicArn]),
    ],
  },
} satisfies Readonly<Record<string, FunctionRow<FunctionResources>>>;

export type WorkflowFunctions = Readonly<Record<keyof typeof workflowFunctions, LambdaFunction>>;
export type CleanUpFunctions = Readonly<Record<keyof typeof cleanUpFunctions, LambdaFunction>>;

/** The handler's file in lambdas/, without .ts: TakeTurn is in take-turn. */
function handlerFile(name: string): string {
  return name.replaceAll(/\B[A-Z]/g, "-$&").toLowerCase();
}

/** Adds a function for each row to the stack, under the row's name. */
export function addFunctions<Name extends string, Resources extends FunctionResources>(
  table: Readonly<Record<Name, FunctionRow<Resources>>>,
  resources: Resources,
): Readonly<Record<Name, LambdaFunction>> {
  const functions = Object.entries<FunctionRow<Resources>>(table).map(
    ([name, { environment, policy, ...settings }]) => [
      name,
      new Handler(resources.stack, name, {
        ...settings,
        file: handlerFile(name),
        environment: environment?.(resources) ?? {},
        policy: policy?.(resources) ?? [],
      }).function,
    ],
  );
  return Object.fromEntries(functions);
}

/** Lets the functions look up executions. Separate policies avoid a cycle, since the machine refers to the functions. */
export function allowLookingUpExecutions(
  { TakeTurn, Preflight, TerminateCluster, WriteReport, NotifyStopped }: WorkflowFunctions & CleanUpFunctions,
  resources: FunctionResources,
  stateMachine: StateMachine,
): void {
  const describeExecutions = new Policy(resources.stack, "DescribeExecutions", {
    statements: [allowDescribeExecutions(resources, stateMachine.stateMachineName)],
  });
  for (const { role } of [Preflight, TerminateCluster, NotifyStopped]) {
    if (role) describeExecutions.attachToRole(role);
  }
  new Policy(resources.stack, "ReadHistory", {
    statements: [allow(["states:GetExecutionHistory"], [executionsArn(resources, stateMachine.stateMachineName)])],
    ...(WriteReport.role ? { roles: [WriteReport.role] } : {}),
  });
  new Policy(resources.stack, "ListExecutions", {
    statements: [allow(["states:ListExecutions"], [stateMachine.stateMachineArn])],
    ...(TakeTurn.role ? { roles: [TakeTurn.role] } : {}),
  });
}
