/** A configuration for the checks to synthesize. */
export interface Variant {
  readonly name: string;
  readonly knobs: Readonly<Record<string, unknown>>;
}

const clusters: readonly Variant[] = (["x86_64", "arm64"] as const).flatMap((architecture) =>
  (["ON_DEMAND", "SPOT"] as const).flatMap((market) =>
    [false, true].map((jupyterHub) => ({
      name: `${architecture}, ${market}${jupyterHub ? ", JupyterHub" : ""}`,
      knobs: {
        architecture,
        market,
        jupyterHub,
        coreTypes: architecture === "arm64" ? ["m6g.xlarge", "m7g.xlarge"] : ["m5.xlarge", "m5a.xlarge"],
      },
    })),
  ),
);

const schedule = { scheduleExpression: "cron(0 6 ? * MON *)", scheduleInput: '{"mode":"full"}' };

/** Together these cover every choice that changes the created resources. */
export const variants: readonly Variant[] = [
  ...clusters,
  {
    name: "everything on",
    knobs: {
      notificationEmail: "you@example.org",
      ssmAccess: true,
      nat: true,
      runsRetentionDays: 365,
      // A stand-in: templates have only the file's digest.
      bf16WheelhouseFile: "package.json",
      ...schedule,
      scheduleOverlap: "queue",
    },
  },
  { name: "encrypted volumes", knobs: { encryptedVolumes: true, market: "SPOT" } },
  {
    name: "encrypted volumes, their roles",
    knobs: {
      encryptedVolumes: true,
      nat: true,
      emrServiceRoleArn: "arn:aws:iam::111122223333:role/their/service-role",
      emrInstanceProfileArn: "arn:aws:iam::111122223333:instance-profile/their/profile",
      emrInstanceRoleArn: "arn:aws:iam::111122223333:role/their/node-role",
    },
  },
  { name: "schedule", knobs: schedule },
  { name: "no guardrails", knobs: { guardrails: false } },
  { name: "schedule, no guardrails", knobs: { ...schedule, guardrails: false } },
  {
    name: "bring your own",
    knobs: {
      bucketName: "their-bucket",
      inputPrefix: "photos/",
      inventoryPrefix: "s3-inventory/",
      subnetIds: "subnet-0123456789abcdef0",
      primarySecurityGroupId: "sg-0123456789abcdef0",
      coreSecurityGroupId: "sg-0123456789abcdef1",
      serviceAccessSecurityGroupId: "sg-0123456789abcdef2",
      keyPair: "their-key",
      topicArn: "arn:aws:sns:eu-west-1:111122223333:their-topic",
      emrServiceRoleArn: "arn:aws:iam::111122223333:role/their/service-role",
      emrInstanceProfileArn: "arn:aws:iam::111122223333:instance-profile/their/profile",
      emrInstanceRoleArn: "arn:aws:iam::111122223333:role/their/node-role",
      securityConfiguration: "theirs",
    },
  },
  {
    name: "their VPC, our groups",
    knobs: { subnetIds: "subnet-0123456789abcdef0", vpcId: "vpc-0123456789abcdef0", securityConfiguration: "none" },
  },
];

/** @throws Error when there is no variant of that name */
export function variantNamed(name: string): Variant {
  const variant = variants.find((known) => known.name === name);
  if (variant === undefined) throw new Error(`There is no variant ${name}`);
  return variant;
}
