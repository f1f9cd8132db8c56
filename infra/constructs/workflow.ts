import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RemovalPolicy, Stack } from "aws-cdk-lib";
import { type IRole, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { EmrRoles } from "./emr-roles.ts";
import type { WorkflowFunctions } from "./functions.ts";
import { ownClusters, ownOrNewClusters, ownTagsOnOwnOrNewClusters } from "./own-clusters.ts";
import { allowServiceLinkedRole } from "./service-linked-role.ts";

const definitionFile = join(import.meta.dirname, "..", "..", "statemachine", "orchard.asl.json");

interface WorkflowProps {
  readonly functions: WorkflowFunctions;
  readonly bucket: IBucket;
  readonly emrRoles: EmrRoles;
  /** Name of the clusters' EMR security configuration. @default none */
  readonly securityConfiguration?: string;
  /** Name of the nodes' EC2 key pair. @default none */
  readonly keyPair?: string | undefined;
}

/** The state machine of statemachine/orchard.asl.json, with its placeholders filled, and its role. */
export class Workflow extends Construct {
  readonly stateMachine: StateMachine;
  /** Receives every event of every execution. */
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
      // A fixed name lets the sweep's policy name the executions without a reference to the state machine.
      stateMachineName: stack.stackName,
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(definition(props)),
      definitionSubstitutions: {
        ...functionArns(functions),
        Partition: stack.partition,
        DataBucketName: props.bucket.bucketName,
        StackName: stack.stackName,
        EmrServiceRoleName: emrRoles.serviceRole.roleName,
        EmrInstanceProfileName: emrRoles.instanceProfileName,
        ...(props.securityConfiguration ? { SecurityConfigurationName: props.securityConfiguration } : {}),
      },
      logs: { destination: this.logGroup, level: LogLevel.ALL, includeExecutionData: true },
    });
    for (const statement of [
      invokeStatement(functions),
      passRoleStatement(emrRoles.serviceRole, "elasticmapreduce.amazonaws.com*"),
      passRoleStatement(emrRoles.instanceRole, "ec2.amazonaws.com*"),
      ...emrStatements(stack),
    ]) {
      this.stateMachine.addToRolePolicy(statement);
    }
  }
}

/** Removes the parameters that have no value, because Amazon States Language cannot leave them out. */
function definition({ securityConfiguration, keyPair }: WorkflowProps): string {
  const parsed = JSON.parse(readFileSync(definitionFile, "utf8"));
  const request = parsed.States.CreateCluster.Parameters;
  if (!securityConfiguration) delete request.SecurityConfiguration;
  if (!keyPair) delete request.Instances["Ec2KeyName.$"];
  return JSON.stringify(parsed);
}

/**
 * A placeholder for each function, such as NotifyFunctionArn. Each is the ARN of a version, so that a deployment never
 * changes a running execution: Step Functions keeps its definition, and Lambda keeps the version's code and environment.
 */
function functionArns(functions: WorkflowFunctions): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(functions).map(([name, { currentVersion }]) => [`${name}FunctionArn`, currentVersion.functionArn]),
  );
}

/** Allows every version but not the unqualified function: a running execution calls the versions that it started with. */
function invokeStatement(functions: WorkflowFunctions): PolicyStatement {
  return new PolicyStatement({
    actions: ["lambda:InvokeFunction"],
    resources: Object.values(functions).map(({ functionArn }) => `${functionArn}:*`),
  });
}

/** Limits the service to which the role is passed, as AWS's AmazonEMRFullAccessPolicy_v2 does. */
function passRoleStatement(role: IRole, service: string): PolicyStatement {
  return new PolicyStatement({
    actions: ["iam:PassRole"],
    resources: [role.roleArn],
    conditions: { StringLike: { "iam:PassedToService": service } },
  });
}

/**
 * EMR's names for its service-linked role: the second one is for China
 * (docs.aws.amazon.com/emr/latest/ManagementGuide/using-service-linked-roles-cleanup.html).
 */
const emrServices = ["elasticmapreduce.amazonaws.com", "elasticmapreduce.amazonaws.com.cn"];

/** The permissions that the Step Functions guide lists for createCluster.sync, addStep.sync and terminateCluster.sync. */
function emrStatements(
  stack: Stack,
  clusters = [stack.formatArn({ service: "elasticmapreduce", resource: "cluster", resourceName: "*" })],
): PolicyStatement[] {
  return [
    new PolicyStatement({
      // The cluster has no ARN yet.
      actions: ["elasticmapreduce:RunJobFlow"],
      resources: ["*"],
    }),
    new PolicyStatement({
      actions: ["elasticmapreduce:DescribeCluster", "elasticmapreduce:DescribeStep"],
      resources: clusters,
    }),
    // RunJobFlow with tags and an idle timeout requires these two.
    new PolicyStatement({
      actions: ["elasticmapreduce:AddTags"],
      resources: clusters,
      conditions: ownTagsOnOwnOrNewClusters,
    }),
    new PolicyStatement({
      actions: ["elasticmapreduce:PutAutoTerminationPolicy"],
      resources: clusters,
      conditions: ownOrNewClusters,
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
    allowServiceLinkedRole(stack, emrServices, "AWSServiceRoleForEMRCleanup"),
    new PolicyStatement({
      actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      resources: ["RunJobFlow", "AddJobFlowSteps", "TerminateJobFlows"].map((api) =>
        stack.formatArn({ service: "events", resource: "rule", resourceName: `StepFunctionsGetEventForEMR${api}Rule` }),
      ),
    }),
  ];
}
