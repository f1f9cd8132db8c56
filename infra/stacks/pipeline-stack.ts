import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { CfnLogGroup, type ILogGroup } from "aws-cdk-lib/aws-logs";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { clusterDefaults } from "../config/cluster-defaults.ts";
import type { Config } from "../config/knobs.ts";
import { addCleanUp, addSweepSchedule } from "../constructs/clean-up.ts";
import { DataBucket } from "../constructs/data-bucket.ts";
import { EmrRoles } from "../constructs/emr-roles.ts";
import {
  addFunctions,
  allowLookingUpExecutions,
  cleanUpFunctions,
  type FunctionResources,
  sweepFunction,
  workflowFunctions,
} from "../constructs/functions.ts";
import { Network, zones } from "../constructs/network.ts";
import { publishArtifacts } from "../constructs/published.ts";
import { ExecutionSchedule } from "../constructs/schedule.ts";
import { addSecurityConfiguration } from "../constructs/security-configuration.ts";
import { Workflow } from "../constructs/workflow.ts";

export interface ClusterSecurity {
  /** Name of an existing security configuration. @default a new one */
  readonly existing?: string;
  /**
   * Key of the volumes. Without it, a new configuration does not encrypt them, and the owner of an existing configuration's
   * key grants its use.
   */
  readonly volumeKeyArn?: string | undefined;
}

interface PipelineStackProps extends StackProps {
  readonly config: Config;
  /** @default clusters without a security configuration */
  readonly security?: ClusterSecurity;
}

/** The whole workflow: bucket, topic, roles, network, functions, state machine and clean-up. */
export class PipelineStack extends Stack {
  readonly topic: ITopic;
  readonly stateMachine: StateMachine;
  readonly executionLogs: ILogGroup;
  /** The functions whose failure may leave a cluster behind. */
  readonly guards: Readonly<Record<string, IFunction>>;
  readonly deadLetterQueues: Readonly<Record<string, IQueue>>;
  readonly sweep: IFunction;

  /** Without this override, Vpc has the CDK look up the account's zones and synthesize a second time. */
  override get availabilityZones(): string[] {
    return zones(3);
  }

  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    super(scope, id, props);
    const { config, security } = props;
    const resources = this.#addResources(props);
    const { bucket, emrRoles, topic } = resources;

    const { SweepClusters } = addFunctions(sweepFunction, resources);
    const called = addFunctions(workflowFunctions, resources);
    const { stateMachine, logGroup } = new Workflow(this, "Workflow", {
      functions: called,
      bucket,
      emrRoles,
      keyPair: config.keyPair,
      ...(security
        ? { securityConfiguration: security.existing ?? addSecurityConfiguration(this, security.volumeKeyArn) }
        : {}),
    });

    const functions = { ...called, ...addFunctions(cleanUpFunctions, resources) };
    const { TerminateCluster, NotifyStopped } = functions;
    allowLookingUpExecutions(functions, resources, stateMachine);
    const LostStatusChanges = addCleanUp(this, {
      stateMachine,
      onExecutionEnded: [TerminateCluster, NotifyStopped],
    });
    for (const child of this.node.findAll()) {
      if (child instanceof CfnLogGroup) child.retentionInDays = config.logGroupRetentionDays;
    }
    const missedStarts = addSchedule(this, config, stateMachine);
    addSweepSchedule(this, SweepClusters);

    this.topic = topic;
    this.stateMachine = stateMachine;
    this.executionLogs = logGroup;
    this.guards = { TerminateCluster, SweepClusters };
    this.sweep = SweepClusters;
    this.deadLetterQueues = { LostStatusChanges, ...(missedStarts && { MissedStarts: missedStarts }) };

    new CfnOutput(this, "StateMachineArn", { value: stateMachine.stateMachineArn });
    new CfnOutput(this, "DataBucketName", { value: bucket.bucketName });
    new CfnOutput(this, "InputPrefix", { value: config.inputPrefix });
    new CfnOutput(this, "TopicArn", { value: topic.topicArn });
  }

  #addResources({ config, security }: PipelineStackProps): FunctionResources {
    const { bucket } = new DataBucket(this, "Data", { config });
    const topic = config.topicArn
      ? Topic.fromTopicArn(this, "GivenTopic", config.topicArn)
      : new Topic(this, "Notifications", { enforceSSL: true });
    if (config.notificationEmail) topic.addSubscription(new EmailSubscription(config.notificationEmail));
    const emrRoles = new EmrRoles(this, "EmrRoles", {
      config,
      bucket,
      ...(security?.volumeKeyArn ? { volumeKeyArn: security.volumeKeyArn } : {}),
    });
    const { subnetIds, securityGroups } = new Network(this, "Network", { config, bucket });
    return {
      stack: this,
      config,
      bucket,
      topic,
      emrRoles,
      artifacts: publishArtifacts(this, config),
      clusterDefaults: clusterDefaults(config, { subnetIds, securityGroups }),
    };
  }
}

/** @returns the queue of the starts that failed, when the configuration has a schedule */
function addSchedule(stack: Stack, config: Config, stateMachine: StateMachine): IQueue | undefined {
  if (config.scheduleExpression === undefined) return undefined;
  const { missedStarts } = new ExecutionSchedule(stack, "Schedule", {
    stateMachine,
    expression: config.scheduleExpression,
    timeZone: config.scheduleTimeZone,
    input: { ...config.scheduleInput, overlap: config.scheduleOverlap },
  });
  return missedStarts;
}
