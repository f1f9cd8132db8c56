/** Actions of a role, and on what, that the judge of the policies lets pass, and why. */
export interface GrantedPermission {
  /** The role's name in the stack. */
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

/** AWS asks nobody for a permission for these. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export const withoutPermission: readonly string[] = ["sts:GetCallerIdentity"];

/** Calls that are made and refused: the code takes the refusal for an answer. */
export const refused: readonly GrantedPermission[] = [
  {
    role: /^PreflightRole$/,
    actions: ["s3:ListBucket"],
    resource: /^arn:aws:s3:::no-such-bucket-anywhere$/,
    reason:
      "An input elsewhere than in the stack's bucket: refused or not there, Preflight says that it cannot be read.",
    source: "tests/e2e/test_failures.py",
  },
];

/** Granted, and called by no test: AWS itself makes these calls, where the embedded account has no need to. */
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
    reason: "Step Functions sets up the delivery of an execution's log under the machine's role.",
    source: `${stepFunctions}/cw-logs.html`,
  },
  {
    role: /^WorkflowStateMachineRole$/,
    actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
    reason: "The .sync integrations hear of a cluster's and a step's end by a rule of their own.",
    source: `${stepFunctions}/emr-iam.html`,
  },
  {
    role: /^WorkflowStateMachineRole$/,
    actions: ["elasticmapreduce:AddTags", "elasticmapreduce:PutAutoTerminationPolicy"],
    reason: "RunJobFlow with tags and with an idle time makes these calls as its caller.",
    source: `${emr}/emr-auto-termination-policy.html, ${emr}/emr-plan-tags.html`,
  },
  {
    role: /^WorkflowStateMachineRole$/,
    actions: ["iam:CreateServiceLinkedRole"],
    reason: "Only the first cluster of an account makes EMR's own role.",
    source: `${emr}/using-service-linked-roles-cleanup.html`,
  },
  {
    role: /^(TerminateCluster|NotifyStopped)Role$/,
    actions: ["sqs:SendMessage"],
    reason: "Lambda hands an event that it has given up to the queue under the function's role.",
    source: "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
  },
  {
    role: /^SchedulerRoleForTarget/,
    actions: ["sqs:SendMessage"],
    reason: "Scheduler hands a start that it has given up to the queue under the schedule's role.",
    source: "https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html",
  },
  {
    role: /^UploadScriptsRole$/,
    actions: ["s3:ListBucket"],
    reason: "It asks for objects that may be missing: who may not list a bucket is told 403 then, and not 404.",
    source: `${s3}/API/API_HeadObject.html`,
  },
];

/** Actions on every resource though the reference has something finer. */
export const openToAll: readonly GrantedPermission[] = [
  {
    role: /^PreflightRole$/,
    actions: ["servicequotas:GetServiceQuota"],
    reason:
      "The reference has had a quota as resource for a short time, and as an optional one: a policy that names it may be refused. It only reads a limit.",
    source: `${reference}/list_servicequotas.html`,
  },
];

/** Actions, or managed policies, with what needs them. */
interface Reviewed {
  readonly actions: readonly string[];
  readonly reason: string;
  readonly source: string;
}

/** What a role does with the key of encrypted volumes. */
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

/** The roles of EMR and of its nodes, whose calls AWS makes and no test sees: all that they may do. */
export const reviewedRoles: Readonly<Record<string, readonly Reviewed[]>> = {
  EmrRolesServiceRole: [
    {
      actions: ["service-role/AmazonEMRServicePolicy_v2"],
      reason: "EMR's own scoped policy for creating instances; it works on what carries EMR's tag.",
      source: `${emr}/emr-iam-role.html`,
    },
    {
      actions: ["iam:PassRole"],
      reason: "The managed policy passes EMR_EC2_DefaultRole alone, and the nodes have a role of their own.",
      source: `${emr}/emr-iam-role.html`,
    },
    {
      actions: ["iam:CreateServiceLinkedRole"],
      reason: "The first Spot request of an account makes EC2's own role for Spot.",
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
      reason: "Spark lists the images; without it a key that is missing is answered by 403 and not by 404.",
      source: `${s3}/API/API_GetObject.html`,
    },
    {
      actions: ["s3:GetBucketLocation"],
      reason: "EMRFS asks for the bucket's region before it reads.",
      source: `${emr}/emr-iam-role-for-ec2.html`,
    },
    {
      actions: ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads"],
      reason: "Files above one part, and the parts of a task that was given up.",
      source: `${s3}/userguide/mpuoverview.html#mpuAndPermissions`,
    },
    {
      actions: useOfVolumeKey,
      reason: "The guide names the nodes' role as a user of the volumes' key, too.",
      source: `${emr}/emr-encryption-enable.html`,
    },
    {
      actions: ["AmazonSSMManagedInstanceCore"],
      reason: "Session Manager on a node, with the knob ssmAccess alone.",
      source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
    },
  ],
};
