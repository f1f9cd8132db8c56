import { ArnFormat, CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Policy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { CfnLogGroup, type ILogGroup } from "aws-cdk-lib/aws-logs";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { type IQueue, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { readArtifacts } from "../config/artifacts.ts";
import { clusterDefaults } from "../config/cluster-defaults.ts";
import type { Config } from "../config/config.ts";
import { DataBucket } from "../constructs/data-bucket.ts";
import { EmrRoles } from "../constructs/emr-roles.ts";
import { Handler } from "../constructs/handler.ts";
import { Network, zones } from "../constructs/network.ts";
import { ownClusters } from "../constructs/own-clusters.ts";
import { Published } from "../constructs/published.ts";
import { ExecutionSchedule } from "../constructs/schedule.ts";
import { Workflow } from "../constructs/workflow.ts";
import type { ClusterSecurity } from "./security-stack.ts";

interface PipelineStackProps extends StackProps {
  readonly config: Config;
  /** @default clusters without a security configuration */
  readonly security?: ClusterSecurity;
}

function allow(actions: string[], resources: string[], conditions = {}): PolicyStatement {
  return new PolicyStatement({ actions, resources, conditions });
}

/** The whole workflow: bucket, topic, roles, functions, state machine. It only wires. */
export class PipelineStack extends Stack {
  readonly topic: ITopic;
  readonly stateMachine: StateMachine;
  readonly executionLogs: ILogGroup;
  /** The functions whose failure may leave a cluster behind. */
  readonly guards: Readonly<Record<string, IFunction>>;
  readonly deadLetterQueues: Readonly<Record<string, IQueue>>;

  /** Else the VPC has the CDK look up the account's, and synthesise again, only to compare them with its own. */
  override get availabilityZones(): string[] {
    return zones(3);
  }

  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    super(scope, id, props);
    const { config, security } = props;

    const { bucket } = new DataBucket(this, "Data", { config });
    const topic = config.topicArn
      ? Topic.fromTopicArn(this, "GivenTopic", config.topicArn)
      : new Topic(this, "Notifications", { enforceSSL: true });
    if (config.notificationEmail) topic.addSubscription(new EmailSubscription(config.notificationEmail));
    const emrRoles = new EmrRoles(this, "EmrRoles", {
      config,
      bucket,
      ...(security?.keyArn ? { volumeKeyArn: security.keyArn } : {}),
    });
    const { subnetIds, securityGroups } = new Network(this, "Network", { config, bucket });

    const data = { DATA_BUCKET: bucket.bucketName };
    const artifacts = readArtifacts(config);
    const model = new Published(this, "Model", artifacts.model);
    const wheelhouse = new Published(this, "Wheelhouse", artifacts.wheelhouse);
    const published = {
      MODEL_SHA256: model.sha256,
      MODEL_ASSET: model.uri,
      WHEELHOUSE_SHA256: wheelhouse.sha256,
      WHEELHOUSE_ASSET: wheelhouse.uri,
    };
    const readPublished = allow(["s3:GetObject"], [model.arn, wheelhouse.arn]);
    const under = (...prefixes: string[]): string[] => prefixes.map((prefix) => bucket.arnForObjects(prefix));
    const listBucket = allow(["s3:ListBucket"], [bucket.bucketArn]);
    const clusters = [this.formatArn({ service: "elasticmapreduce", resource: "cluster", resourceName: "*" })];
    const listClusters = allow(["elasticmapreduce:ListClusters"], ["*"]);

    const takeTurn = new Handler(this, "TakeTurn", { name: "take-turn", environment: {}, policy: [] });
    const preflight = new Handler(this, "Preflight", {
      name: "preflight",
      // The state's limit is a little above: the function's own end says more.
      timeout: Duration.minutes(10),
      memoryMiB: 2048,
      environment: {
        ...data,
        ...published,
        MODEL_WEIGHTS: artifacts.model.weights,
        TOPIC_ARN: topic.topicArn,
        ALLOW_SEEDED_WEIGHTS: String(config.allowSeededWeights),
        ALLOW_NON_EU_REGION: String(config.allowNonEuRegion),
        INPUT_PREFIX: config.inputPrefix,
        EMR_SERVICE_ROLE: emrRoles.serviceRole.roleName,
        EMR_INSTANCE_PROFILE: emrRoles.instanceProfileName,
        MAX_COST_USD: String(config.maxCostUsd),
        MAX_KEEP_MINUTES: String(config.maxKeepMinutes),
        CLUSTER_DEFAULTS: this.toJsonString(clusterDefaults(config, { subnetIds, securityGroups })),
      },
      policy: [
        listBucket,
        allow(["s3:GetBucketPublicAccessBlock", "s3:GetReplicationConfiguration"], [bucket.bucketArn]),
        readPublished,
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], under("artifacts/*")),
        allow(["s3:GetObject", "s3:PutObject"], under("runs/*")),
        allow(["s3:GetObject"], under("features-store/*")),
        allow(["iam:GetRole"], [emrRoles.serviceRole.roleArn]),
        allow(["iam:GetInstanceProfile"], [emrRoles.instanceProfileArn]),
        allow(
          ["ec2:DescribeSubnets", "ec2:DescribeInstanceTypes", ...(config.keyPair ? ["ec2:DescribeKeyPairs"] : [])],
          ["*"],
        ),
        allow(["sns:ListSubscriptionsByTopic"], [topic.topicArn]),
        // Reading one quota cannot be limited to that quota.
        allow(["servicequotas:GetServiceQuota"], ["*"]),
        // Of a kept cluster that the input names.
        allow(["elasticmapreduce:DescribeCluster", "elasticmapreduce:ListSteps"], clusters),
      ],
    });
    const uploadScripts = new Handler(this, "UploadScripts", {
      name: "upload-scripts",
      environment: { ...data, ...published },
      policy: [
        listBucket,
        readPublished,
        allow(["s3:GetObject", "s3:PutObject"], under("artifacts/*", "spark-events/")),
      ],
      files: ["spark/main.py", "spark/orchard", "bootstrap/bootstrap.sh"],
    });
    const validateResults = new Handler(this, "ValidateResults", {
      name: "validate-results",
      timeout: Duration.minutes(5),
      memoryMiB: 512,
      environment: {},
      policy: [listBucket, allow(["s3:GetObject", "s3:PutObject"], under("runs/*"))],
    });
    const keepCluster = new Handler(this, "KeepCluster", {
      name: "keep-cluster",
      environment: {},
      policy: [
        allow(["elasticmapreduce:DescribeCluster"], clusters),
        allow(["elasticmapreduce:PutAutoTerminationPolicy", "elasticmapreduce:AddTags"], clusters, ownClusters),
      ],
    });
    const terminateCluster = new Handler(this, "TerminateCluster", {
      name: "terminate-cluster",
      timeout: Duration.minutes(2),
      environment: {},
      policy: [
        listClusters,
        allow(["elasticmapreduce:DescribeCluster", "elasticmapreduce:ListSteps"], clusters),
        allow(
          [
            "elasticmapreduce:SetTerminationProtection",
            "elasticmapreduce:TerminateJobFlows",
            // A borrowed cluster goes on, without the steps of the execution that failed.
            "elasticmapreduce:CancelSteps",
          ],
          clusters,
          ownClusters,
        ),
      ],
    });
    const confirmTerminated = new Handler(this, "ConfirmTerminated", {
      name: "confirm-terminated",
      environment: {},
      policy: [allow(["elasticmapreduce:DescribeCluster"], clusters)],
    });
    const diagnoseFailure = new Handler(this, "DiagnoseFailure", {
      name: "diagnose-failure",
      timeout: Duration.minutes(2),
      memoryMiB: 512,
      environment: data,
      policy: [
        listBucket,
        listClusters,
        allow(["s3:GetObject"], under("logs/emr/*")),
        allow(
          ["elasticmapreduce:DescribeCluster", "elasticmapreduce:ListSteps", "elasticmapreduce:ListInstances"],
          clusters,
        ),
      ],
    });
    const recordCost = new Handler(this, "RecordCost", {
      name: "record-cost",
      environment: {},
      policy: [
        allow(["elasticmapreduce:DescribeCluster", "elasticmapreduce:ListInstances"], clusters),
        allow(["s3:GetObject", "s3:PutObject"], under("runs/*/manifest.json")),
      ],
    });
    const notify = new Handler(this, "Notify", {
      name: "notify",
      environment: { TOPIC_ARN: topic.topicArn },
      policy: [allow(["sns:Publish"], [topic.topicArn])],
    });

    const { stateMachine, logGroup } = new Workflow(this, "Workflow", {
      bucket,
      emrRoles,
      ...(security ? { securityConfiguration: security.name } : {}),
      stepLogPush: config.stepLogPush,
      functions: {
        takeTurn: takeTurn.function,
        preflight: preflight.function,
        uploadScripts: uploadScripts.function,
        validateResults: validateResults.function,
        keepCluster: keepCluster.function,
        terminateCluster: terminateCluster.function,
        confirmTerminated: confirmTerminated.function,
        diagnoseFailure: diagnoseFailure.function,
        recordCost: recordCost.function,
        notify: notify.function,
      },
    });

    const executions = this.formatArn({
      service: "states",
      resource: "execution",
      resourceName: `${stateMachine.stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const sweepClusters = new Handler(this, "SweepClusters", {
      name: "sweep-clusters",
      timeout: Duration.minutes(5),
      environment: {
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
        MAX_CLUSTER_HOURS: String(config.maxClusterHours),
      },
      policy: [
        listClusters,
        allow(["elasticmapreduce:DescribeCluster"], clusters),
        new PolicyStatement({
          actions: ["elasticmapreduce:SetTerminationProtection", "elasticmapreduce:TerminateJobFlows"],
          resources: clusters,
          // Other people's clusters are safe from this function, whatever it thinks.
          conditions: { StringLike: { "elasticmapreduce:ResourceTag/orchard:execution-arn": executions } },
        }),
      ],
    });
    const notifyStopped = new Handler(this, "NotifyStopped", {
      name: "notify-stopped",
      environment: { TOPIC_ARN: topic.topicArn },
      policy: [
        listClusters,
        allow(["elasticmapreduce:DescribeCluster"], clusters),
        allow(["sns:Publish"], [topic.topicArn]),
      ],
    });
    // A policy of its own: in TerminateCluster's default one it would close a circle, since the machine names the function.
    const describeExecutions = new Policy(this, "DescribeExecutions", {
      statements: [allow(["states:DescribeExecution"], [executions])],
    });
    for (const { role } of [
      preflight.function,
      terminateCluster.function,
      sweepClusters.function,
      notifyStopped.function,
    ]) {
      if (role) describeExecutions.attachToRole(role);
    }

    new Policy(this, "ListExecutions", {
      statements: [allow(["states:ListExecutions"], [stateMachine.stateMachineArn])],
      ...(takeTurn.function.role ? { roles: [takeTurn.function.role] } : {}),
    });

    // No Catch runs when an execution is stopped or times out: the event does the clean-up then.
    const lostStatusChanges = new Queue(this, "LostStatusChanges", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    new Rule(this, "ExecutionEndedBadly", {
      description: "Ends the cluster of an execution that failed, timed out or was stopped, and says so",
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ["FAILED", "TIMED_OUT", "ABORTED"] },
      },
      // EventBridge hands the event over and is done; after a day the sweep has long been there.
      targets: [terminateCluster.function, notifyStopped.function].map(
        (target) =>
          new LambdaFunction(target, {
            deadLetterQueue: lostStatusChanges,
            retryAttempts: 185,
            maxEventAge: Duration.hours(24),
          }),
      ),
    });
    // What a function throws after that is Lambda's to retry, a minute and two minutes later.
    for (const target of [terminateCluster.function, notifyStopped.function]) {
      target.configureAsyncInvoke({
        retryAttempts: 2,
        maxEventAge: Duration.hours(6),
        // CDK's own destination lets the function read the queue's attributes, too.
        onFailure: { bind: () => ({ destination: lostStatusChanges.queueArn }) },
      });
      target.addToRolePolicy(allow(["sqs:SendMessage"], [lostStatusChanges.queueArn]));
    }
    new Rule(this, "SweepSchedule", {
      description: "Ends the clusters that nothing else ended",
      schedule: Schedule.rate(Duration.minutes(15)),
      targets: [new LambdaFunction(sweepClusters.function)],
    });

    for (const child of this.node.findAll()) {
      if (child instanceof CfnLogGroup) child.retentionInDays = config.logGroupRetentionDays;
    }

    const { scheduleExpression: expression, scheduleTimeZone: timeZone, scheduleOverlap: overlap } = config;
    const schedule =
      expression === undefined
        ? undefined
        : new ExecutionSchedule(this, "Schedule", {
            stateMachine,
            expression,
            timeZone,
            input: { ...config.scheduleInput, overlap },
          });

    this.topic = topic;
    this.stateMachine = stateMachine;
    this.executionLogs = logGroup;
    this.guards = { TerminateCluster: terminateCluster.function, SweepClusters: sweepClusters.function };
    this.deadLetterQueues = {
      LostStatusChanges: lostStatusChanges,
      ...(schedule && { MissedStarts: schedule.missedStarts }),
    };

    new CfnOutput(this, "StateMachineArn", { value: stateMachine.stateMachineArn });
    new CfnOutput(this, "DataBucketName", { value: bucket.bucketName });
    new CfnOutput(this, "InputPrefix", { value: config.inputPrefix });
    new CfnOutput(this, "TopicArn", { value: topic.topicArn });
  }
}
