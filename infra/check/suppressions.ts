/** A finding of cdk-nag that is accepted, with the reason. */
interface Suppression {
  /** Matches the rule, followed by its finding in brackets. */
  readonly finding: RegExp;
  /** Matches the construct's path. */
  readonly on: RegExp;
  readonly reason: string;
}

/** All accepted findings. A suppression that no variant needs is itself a finding. */
export const suppressions: readonly Suppression[] = [
  {
    finding: /^AwsSolutions-S1$/,
    on: /^Orchard\/Data\/Bucket\//,
    reason:
      "Access logs would need a second bucket that keeps growing. The bucket blocks public access and plain HTTP; CloudTrail's data events can record each access.",
  },
  {
    finding: /^AwsSolutions-VPC7$/,
    on: /^Orchard\/Network\/Vpc\//,
    reason:
      "The subnets reach only the S3 endpoint, whose policy names the buckets: flow logs would show this single address, and are billed by volume.",
  },
  {
    finding: /^AwsSolutions-SQS3$/,
    on: /^Orchard\/(LostStatusChanges|Schedule\/MissedStarts)\//,
    reason: "It is a dead-letter queue itself; the rule does not recognize those of EventBridge, Scheduler and Lambda.",
  },
  {
    finding: /^AwsSolutions-SF2$/,
    on: /^Orchard\/Workflow\//,
    reason: "The execution's history and log already contain each call with its times; a trace would only add costs.",
  },
  {
    finding: /^AwsSolutions-IAM4\[.*policy\/service-role\/AmazonEMRServicePolicy_v2\]$/,
    on: /^Orchard\/EmrRoles\/ServiceRole\//,
    reason: "EMR's own scoped policy: AWS updates it with EMR, and it applies only to resources with EMR's tag.",
  },
  {
    finding: /^AwsSolutions-IAM4\[.*policy\/AmazonSSMManagedInstanceCore\]$/,
    on: /^Orchard\/EmrRoles\/InstanceRole\//,
    reason: "Session Manager's policy for instances; only with ssmAccess.",
  },
  {
    finding:
      /^AwsSolutions-IAM5\[Resource::(<Data\w+\.Arn>|arn:<AWS::Partition>:s3:::their-bucket)\/(data|data\/raw|artifacts|artifacts\/preflight-probe|runs|features-store|logs\/emr|spark-events|photos)\/\*(\/manifest\.json)?\]$/,
    on: /./,
    reason: "Objects under one prefix, whose names are not known in advance.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:elasticmapreduce:.*:cluster\/\*\]$/,
    on: /^Orchard\/(Preflight|KeepCluster|TerminateCluster|ConfirmTerminated|DiagnoseFailure|RecordCost|SweepClusters|NotifyStopped|Workflow)\//,
    reason:
      "A cluster's id is not known before RunJobFlow. Actions that change a cluster are limited by its tags; the others read, or belong to RunJobFlow.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::<\w+Function\w+\.Arn>:\*\]$/,
    on: /^Orchard\/Workflow\//,
    reason: "Versions of one function: a running execution calls the version that it started with.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:states:.*:execution:<Workflow\w+\.Name>:\*\]$/,
    on: /^Orchard\/DescribeExecutions\//,
    reason: "Executions of this state machine only.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:states:.*:execution:Orchard\*:\*\]$/,
    on: /^Orchard\/SweepClusters\//,
    reason:
      "Executions of the state machines with the stack's name: the sweep is removed last, so it cannot refer to one.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    on: /^Orchard\/(Preflight|TerminateCluster|ConfirmTerminated|DiagnoseFailure|SweepClusters|NotifyStopped)\//,
    reason: "IAM supports no finer resource for ListClusters and ec2:Describe*. openToAll explains the quotas.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    on: /^Orchard\/Workflow\//,
    reason: "RunJobFlow, before the cluster has an ARN, and the log deliveries of Step Functions, which have none.",
  },
];
