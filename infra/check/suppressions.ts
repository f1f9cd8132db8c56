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
      "Access logs would need a second bucket, which keeps growing. The bucket is closed to the public and to plain HTTP; to record each access, turn on CloudTrail's data events.",
  },
  {
    finding: /^AwsSolutions-VPC7$/,
    on: /^Orchard\/Network\/Vpc\//,
    reason:
      "The subnets have no way out but the S3 endpoint, whose policy names the buckets: flow logs would show that one address, and are billed by volume.",
  },
  {
    finding: /^AwsSolutions-SQS3$/,
    on: /^Orchard\/(LostStatusChanges|Schedule\/MissedStarts)\//,
    reason: "It is a dead-letter queue itself; the rule does not know those of EventBridge, Scheduler and Lambda.",
  },
  {
    finding: /^AwsSolutions-SF2$/,
    on: /^Orchard\/Workflow\//,
    reason: "The execution's history and log have each call with its times; a trace would add a bill and nothing else.",
  },
  {
    finding: /^AwsSolutions-IAM4\[.*policy\/service-role\/AmazonEMRServicePolicy_v2\]$/,
    on: /^Orchard\/EmrRoles\/ServiceRole\//,
    reason: "EMR's own scoped policy: AWS keeps it in step with EMR, and it works only on what carries EMR's tag.",
  },
  {
    finding: /^AwsSolutions-IAM4\[.*policy\/AmazonSSMManagedInstanceCore\]$/,
    on: /^Orchard\/EmrRoles\/InstanceRole\//,
    reason: "Session Manager's own policy for a node; only with ssmAccess.",
  },
  {
    finding:
      /^AwsSolutions-IAM5\[Resource::(<Data\w+\.Arn>|arn:<AWS::Partition>:s3:::their-bucket)\/(data|data\/raw|artifacts|runs|features-store|logs\/emr|spark-events|photos)\/\*(\/manifest\.json)?\]$/,
    on: /./,
    reason: "Objects under one prefix: their names are not known before they are written.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:elasticmapreduce:.*:cluster\/\*\]$/,
    on: /^Orchard\/(Preflight|KeepCluster|TerminateCluster|ConfirmTerminated|DiagnoseFailure|RecordCost|SweepClusters|NotifyStopped|Workflow)\//,
    reason:
      "A cluster's id is not known before RunJobFlow. What changes a cluster is limited by its tags: to this workflow's, the sweep's to this machine's; the rest reads, or is a part of RunJobFlow.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::<\w+Function\w+\.Arn>:\*\]$/,
    on: /^Orchard\/Workflow\//,
    reason: "Versions of one function: an execution goes on with the one that it began with.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:states:.*:execution:<Workflow\w+\.Name>:\*\]$/,
    on: /^Orchard\/DescribeExecutions\//,
    reason: "Executions of this one machine.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    on: /^Orchard\/(Preflight|TerminateCluster|ConfirmTerminated|DiagnoseFailure|SweepClusters|NotifyStopped)\//,
    reason: "ListClusters, ec2:Describe… and quotas: AWS has no finer resource for them.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    on: /^Orchard\/Workflow\//,
    reason: "RunJobFlow, before there is a cluster; and the log deliveries of Step Functions, which have no resource.",
  },
];
