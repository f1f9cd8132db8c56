import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RemovalPolicy, Stack } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { EmrRoles } from "./emr-roles.ts";
import { ownClusters } from "./own-clusters.ts";
import { allowServiceLinkedRole } from "./service-linked-role.ts";

const definitionFile = join(import.meta.dirname, "..", "..", "statemachine", "orchard.asl.json");

/** The functions of the workflow, by the state that calls them. */
export interface WorkflowFunctions {
  readonly takeTurn: LambdaFunction;
  readonly preflight: LambdaFunction;
  readonly uploadScripts: LambdaFunction;
  readonly validateResults: LambdaFunction;
  readonly keepCluster: LambdaFunction;
  readonly terminateCluster: LambdaFunction;
  readonly confirmTerminated: LambdaFunction;
  readonly diagnoseFailure: LambdaFunction;
  readonly recordCost: LambdaFunction;
  readonly notify: LambdaFunction;
}

interface WorkflowProps {
  readonly functions: WorkflowFunctions;
  readonly bucket: IBucket;
  readonly emrRoles: EmrRoles;
  /** Name of the clusters' EMR security configuration. @default none */
  readonly securityConfiguration?: string;
  /** Have EMR push the steps' logs to S3. */
  readonly stepLogPush: boolean;
}

/** The state machine of statemachine/, its placeholders filled, its role just wide enough. */
export class Workflow extends Construct {
  readonly stateMachine: StateMachine;
  /** Every event of every execution. */
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { functions, emrRoles } = props;

    this.logGroup = new LogGroup(this, "Logs", {
      // Without this prefix the log resource policy grows with every state machine until its size limit.
      logGroupName: `/aws/vendedlogs/states/${stack.stackName}`,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(definition(props)),
      definitionSubstitutions: {
        ...functionArns(functions),
        DataBucketName: props.bucket.bucketName,
        EmrServiceRoleName: emrRoles.serviceRole.roleName,
        EmrInstanceProfileName: emrRoles.instanceProfileName,
        ...(props.securityConfiguration ? { SecurityConfigurationName: props.securityConfiguration } : {}),
      },
      logs: {
        destination: this.logGroup,
        level: LogLevel.ALL,
        includeExecutionData: true,
      },
    });

    // Every version: an execution that began before the last deployment calls an older one. None calls the newest code.
    this.stateMachine.addToRolePolicy(
      new PolicyStatement({
        actions: ["lambda:InvokeFunction"],
        resources: (Object.values(functions) as LambdaFunction[]).map(({ functionArn }) => `${functionArn}:*`),
      }),
    );
    // Only to whom RunJobFlow passes them, as AWS's own AmazonEMRFullAccessPolicy_v2 has it.
    for (const [role, service] of [
      [emrRoles.serviceRole, "elasticmapreduce.amazonaws.com*"],
      [emrRoles.instanceRole, "ec2.amazonaws.com*"],
    ] as const) {
      this.stateMachine.addToRolePolicy(
        new PolicyStatement({
          actions: ["iam:PassRole"],
          resources: [role.roleArn],
          conditions: { StringLike: { "iam:PassedToService": service } },
        }),
      );
    }
    for (const statement of emrStatements(stack)) this.stateMachine.addToRolePolicy(statement);
  }
}

/** Amazon States Language has no way to leave a parameter out when there is no value for it. */
function definition({ securityConfiguration, stepLogPush }: WorkflowProps): string {
  const parsed = JSON.parse(readFileSync(definitionFile, "utf8"));
  const { Inventory, ExtractFeatures, ReduceDimensions, CreateCluster } = parsed.States;
  if (!securityConfiguration) delete CreateCluster.Parameters.SecurityConfiguration;
  if (stepLogPush) {
    // Where the cluster's own logs go: what reads them finds them at the same place.
    const monitoring = { S3MonitoringConfiguration: { LogUri: CreateCluster.Parameters.LogUri } };
    for (const { Parameters } of [Inventory, ExtractFeatures, ReduceDimensions]) {
      Parameters.Step.StepMonitoringConfiguration = monitoring;
    }
  }
  return JSON.stringify(parsed);
}

/**
 * A placeholder for each function, `notify` as NotifyFunctionArn. Each is the ARN of a version, so that a deployment
 * never changes an execution that runs: Step Functions keeps the definition, Lambda the code and the environment.
 */
function functionArns(functions: WorkflowFunctions): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(functions).map(([name, handler]: [string, LambdaFunction]) => [
      `${name.charAt(0).toUpperCase()}${name.slice(1)}FunctionArn`,
      handler.currentVersion.functionArn,
    ]),
  );
}

/** What createCluster.sync, addStep.sync and terminateCluster.sync need, as the Step Functions guide lists it. */
function emrStatements(
  stack: Stack,
  clusters = [stack.formatArn({ service: "elasticmapreduce", resource: "cluster", resourceName: "*" })],
): PolicyStatement[] {
  return [
    new PolicyStatement({
      // RunJobFlow and the tags it sets at creation know no cluster's ARN yet.
      actions: ["elasticmapreduce:RunJobFlow"],
      resources: ["*"],
    }),
    new PolicyStatement({
      actions: [
        "elasticmapreduce:DescribeCluster",
        "elasticmapreduce:DescribeStep",
        // Parts of RunJobFlow.
        "elasticmapreduce:AddTags",
        "elasticmapreduce:PutAutoTerminationPolicy",
      ],
      resources: clusters,
    }),
    new PolicyStatement({
      actions: [
        "elasticmapreduce:TerminateJobFlows",
        "elasticmapreduce:AddJobFlowSteps",
        "elasticmapreduce:CancelSteps",
        "elasticmapreduce:PutManagedScalingPolicy",
      ],
      resources: clusters,
      conditions: ownClusters,
    }),
    allowServiceLinkedRole(stack, "elasticmapreduce.amazonaws.com", "AWSServiceRoleForEMRCleanup"),
    new PolicyStatement({
      actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      resources: ["RunJobFlow", "AddJobFlowSteps", "TerminateJobFlows"].map((api) =>
        stack.formatArn({ service: "events", resource: "rule", resourceName: `StepFunctionsGetEventForEMR${api}Rule` }),
      ),
    }),
  ];
}
