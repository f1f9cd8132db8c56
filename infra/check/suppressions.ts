import type { Suppression } from "./suppress.ts";

/** Accepted findings of cdk-nag, as rule[finding], on a construct's path. */
export const cdkNagSuppressions: readonly Suppression[] = [
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
      /^AwsSolutions-IAM5\[Resource::(<Data\w+\.Arn>|arn:<AWS::Partition>:s3:::their-bucket)\/(data|data\/raw|artifacts|artifacts\/preflight-probe|runs|features-store|logs\/emr|spark-events|photos|s3-inventory)\/\*(pack\.json|\/(manifest\.json|inventory\/summary\.json|report\/report\.html))?\]$/,
    on: /./,
    reason: "Objects under one prefix, whose names are not known in advance.",
  },
  {
    finding: /^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:elasticmapreduce:.*:cluster\/\*\]$/,
    on: /^Orchard\/(Preflight|KeepCluster|TerminateCluster|ConfirmTerminated|DiagnoseFailure|RecordCost|WriteReport|SweepClusters|NotifyStopped|Workflow)\//,
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
    on: /^Orchard\/(DescribeExecutions|ReadHistory)\//,
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
  {
    finding: /^AwsSolutions-KMS5$/,
    on: /^OrchardSecurity\/VolumeKey\//,
    reason:
      "Each yearly rotation raises the key's price, up to 3 USD a month, and the volumes that it encrypts live for hours.",
  },
];

/** Accepted findings of checkov, by rule, on type.logicalId of a resource. */
export const checkovSuppressions: readonly Suppression[] = [
  {
    finding: /^CKV_AWS_18$/,
    on: /^AWS::S3::Bucket\.DataBucket/,
    reason: "As AwsSolutions-S1: access logs would need a second bucket that keeps growing.",
  },
  {
    finding: /^CKV_AWS_21$/,
    on: /^AWS::S3::Bucket\.DataBucket/,
    reason:
      "Images are uploaded from the owner's copy, artifacts have their hash in the key, and results can be computed again. Old versions would be billed, also those of images that the owner has removed.",
  },
  {
    finding: /^CKV_AWS_26$/,
    on: /^AWS::SNS::Topic\.Notifications/,
    reason:
      "CloudWatch alarms and budgets cannot publish to a topic encrypted with the AWS managed key, so it would need a customer managed key at 1 USD a month. Mails contain no image and no feature.",
  },
  {
    finding: /^CKV_AWS_27$/,
    on: /^AWS::SQS::Queue\.(LostStatusChanges|ScheduleMissedStarts)/,
    reason: "SQS encrypts every new queue with SSE-SQS; the rule recognizes only a key of KMS.",
  },
  {
    finding: /^CKV_AWS_115$/,
    on: /^AWS::Lambda::Function\./,
    reason:
      "Reserved concurrency is taken from the account's, and Lambda refuses to leave fewer than 100 unreserved: the deployment would fail in a new account. Executions call one function at a time.",
  },
  {
    finding: /^CKV_AWS_116$/,
    on: /^AWS::Lambda::Function\./,
    reason:
      "The functions that events call have a destination on failure, which the rule does not recognize. Step Functions calls the others synchronously, which uses no dead-letter queue.",
  },
  {
    finding: /^CKV_AWS_117$/,
    on: /^AWS::Lambda::Function\./,
    reason:
      "The functions only call AWS APIs. In a VPC, they would need a NAT gateway or an interface endpoint for each service.",
  },
  {
    finding: /^CKV_AWS_158$/,
    on: /^AWS::Logs::LogGroup\./,
    reason:
      "CloudWatch encrypts every log group with its own key. A customer managed key costs 1 USD a month, and the logs contain no image and no feature.",
  },
  {
    finding: /^CKV_AWS_173$/,
    on: /^AWS::Lambda::Function\./,
    reason: "Lambda encrypts the variables with its own key. They are names and ARNs of resources, no secrets.",
  },
  {
    finding: /^CKV_AWS_7$/,
    on: /^AWS::KMS::Key\.VolumeKey/,
    reason: "As AwsSolutions-KMS5: rotation raises the price of a key whose volumes live for hours.",
  },
  {
    finding: /^CKV_AWS_33$/,
    on: /^AWS::KMS::Key\.VolumeKey/,
    reason:
      "Conditions limit the principal to EC2's service-linked role for Spot in this account. KMS refuses a policy that names the role before it exists; the rule does not read conditions.",
  },
];

/** Accepted findings of parliament, as issue: detail, on type.logicalId of a resource. */
export const parliamentSuppressions: readonly Suppression[] = [
  {
    finding: /^UNKNOWN_CONDITION_FOR_ACTION: Unknown condition elasticmapreduce:ResourceTag\//,
    on: /^AWS::IAM::Policy\.(KeepCluster|TerminateCluster|SweepClusters|WorkflowStateMachine)Role/,
    reason:
      "The service authorization reference lists the key with the resource type cluster, to which these actions apply; parliament reads only the keys of the action.",
  },
  {
    finding:
      /^RESOURCE_MISMATCH: \[\{'action': 'states:DescribeExecution', 'required_format': 'arn:\*:states:\*:\*:express:/,
    on: /^AWS::IAM::Policy\.(DescribeExecutions|SweepClustersRole)/,
    reason: "The state machine is a standard workflow and has no express executions.",
  },
  {
    finding:
      /^RESOURCE_MISMATCH: \[\{'action': 'states:ListExecutions', 'required_format': 'arn:\*:states:\*:\*:mapRun:/,
    on: /^AWS::IAM::Policy\.ListExecutions/,
    reason: "The state machine has no distributed map.",
  },
  {
    finding: /^RESOURCE_STAR: /,
    on: /^AWS::KMS::Key\.VolumeKey/,
    reason: "In a key policy, the resource * is the key itself.",
  },
];
