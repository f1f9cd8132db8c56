/** Actions of a role that the least-privilege check accepts, with the reason. */
export interface GrantedPermission {
  /** Matches the role's logical id without its hash. */
  readonly role: RegExp;
  readonly actions: readonly string[];
  /** @default any */
  readonly resource?: RegExp;
  readonly reason: string;
  readonly source: string;
}

const reference = "https://docs.aws.amazon.com/service-authorization/latest/reference";
const stepFunctions = "https://docs.aws.amazon.com/step-functions/latest/dg";
const emr = "https://docs.aws.amazon.com/emr/latest/ManagementGuide";
const s3 = "https://docs.aws.amazon.com/AmazonS3/latest";

/** Actions that need no permission. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export const withoutPermission: readonly string[] = ["sts:GetCallerIdentity"];

/** Calls that AWS denies and whose denial the code handles. */
export const refused: readonly GrantedPermission[] = [
  {
    role: /^PreflightRole$/,
    actions: ["s3:ListBucket"],
    resource: /^arn:aws:s3:::no-such-bucket-anywhere$/,
    reason:
      "For an image tree outside the stack's bucket that is denied or missing, Preflight reports that it cannot be read.",
    source: "tests/e2e/test_failures.py",
  },
];

/** Grants that no test uses: AWS itself makes these calls, and the embedded account does not need them. */
export const grantedUnseen: readonly GrantedPermission[] = [
  {
    role: /^WorkflowStateMachineRole$/,
    actions: [
      "logs:CreateLogDelivery",
      "logs:GetLogDelivery",
      "logs:UpdateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ],
    reason: "Step Functions sets up the delivery of an execution's log with the state machine's role.",
    source: `${stepFunctions}/cw-logs.html`,
  },
  {
    role: /^WorkflowStateMachineRole$/,
    actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
    reason: "The .sync integrations use a managed rule to detect the end of a cluster or step.",
    source: `${stepFunctions}/emr-iam.html`,
  },
  {
    role: /^WorkflowStateMachineRole$/,
    actions: ["elasticmapreduce:AddTags", "elasticmapreduce:PutAutoTerminationPolicy"],
    reason: "RunJobFlow with tags or an idle time requires these permissions of its caller.",
    source: `${emr}/emr-auto-termination-policy.html, ${emr}/emr-plan-tags.html`,
  },
  {
    role: /^WorkflowStateMachineRole$/,
    actions: ["iam:CreateServiceLinkedRole"],
    reason: "The first cluster of an account creates EMR's service-linked role.",
    source: `${emr}/using-service-linked-roles-cleanup.html`,
  },
  {
    role: /^(TerminateCluster|NotifyStopped)Role$/,
    actions: ["sqs:SendMessage"],
    reason: "Lambda sends an event whose retries are exhausted to the queue with the function's role.",
    source: "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
  },
  {
    role: /^SchedulerRoleForTarget/,
    actions: ["sqs:SendMessage"],
    reason: "Scheduler sends a start whose retries are exhausted to the queue with the schedule's role.",
    source: "https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html",
  },
  {
    role: /^NotifyRole$/,
    actions: ["s3:GetObject"],
    reason: "The link in the mail opens the run's page with the permissions of the role that signed it.",
    source: `${s3}/userguide/using-presigned-url.html`,
  },
  {
    role: /^(UploadScripts|WriteReport)Role$/,
    actions: ["s3:ListBucket"],
    reason: "It looks up objects that may be missing: without this permission S3 answers 403 and not 404.",
    source: `${s3}/API/API_HeadObject.html`,
  },
];

/** Actions granted on every resource, although the service authorization reference lists a narrower one. */
export const openToAll: readonly GrantedPermission[] = [
  {
    role: /^PreflightRole$/,
    actions: ["servicequotas:GetServiceQuota"],
    reason:
      "The reference has a quota as an optional resource, and only recently: a policy that names it may not work yet. The action only reads a limit.",
    source: `${reference}/list_servicequotas.html`,
  },
];

/** Actions or managed policies, with the reason why the role needs them. */
interface Reviewed {
  readonly actions: readonly string[];
  readonly reason: string;
  readonly source: string;
}

/** Actions of a role that uses the key of encrypted volumes. */
const useOfVolumeKey: readonly string[] = [
  "kms:Decrypt",
  "kms:DescribeKey",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
  "kms:CreateGrant",
];

/** All permissions of the roles of EMR and of its nodes, whose calls no test sees. */
export const reviewedRoles: Readonly<Record<string, readonly Reviewed[]>> = {
  EmrRolesServiceRole: [
    {
      actions: ["service-role/AmazonEMRServicePolicy_v2"],
      reason: "EMR's own scoped policy for creating instances; it applies to resources with EMR's tag.",
      source: `${emr}/emr-iam-role.html`,
    },
    {
      actions: ["iam:PassRole"],
      reason: "The managed policy passes EMR_EC2_DefaultRole only, and the nodes have another role.",
      source: `${emr}/emr-iam-role.html`,
    },
    {
      actions: ["iam:CreateServiceLinkedRole"],
      reason: "The first Spot request of an account creates EC2's service-linked role for Spot.",
      source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html",
    },
    {
      actions: useOfVolumeKey,
      reason: "EBS volumes encrypted by the security configuration's key.",
      source: `${emr}/emr-encryption-enable.html`,
    },
  ],
  EmrRolesInstanceRole: [
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      reason: "EMRFS reads images and artifacts, writes results, and removes temporary files when it commits them.",
      source: `${emr}/emr-iam-role-for-ec2.html`,
    },
    {
      actions: ["s3:ListBucket"],
      reason: "Spark lists the images; without it S3 answers 403 for a missing key and not 404.",
      source: `${s3}/API/API_GetObject.html`,
    },
    {
      actions: ["s3:GetBucketLocation"],
      reason: "EMRFS asks for the bucket's region before it reads.",
      source: `${emr}/emr-iam-role-for-ec2.html`,
    },
    {
      actions: ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads"],
      reason: "Files above one part, and the parts left by an aborted task.",
      source: `${s3}/userguide/mpuoverview.html#mpuAndPermissions`,
    },
    {
      actions: useOfVolumeKey,
      reason: "The guide names the nodes' role as a user of the volumes' key, too.",
      source: `${emr}/emr-encryption-enable.html`,
    },
    {
      actions: ["AmazonSSMManagedInstanceCore"],
      reason: "Session Manager on a node, only with the knob ssmAccess.",
      source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
    },
  ],
};
