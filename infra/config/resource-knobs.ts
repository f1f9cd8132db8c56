// The knobs of the network, the security configuration and existing resources. knobs.ts explains their metadata.
import { z } from "zod";
import { defaultInputPrefix } from "../../lambdas/contract/s3-layout.ts";
import { flag, list, wholeNumber } from "./coercions.ts";

const securityGroup = z
  .string()
  .regex(/^sg-[0-9a-f]+$/)
  .optional();
const securityGroupMeta = {
  description: "a security group's id, such as sg-0123456789abcdef0",
  defaultText: "a new one",
  examples: ["sg-0123456789abcdef0"],
};
function arn(service: string, resource: string) {
  return z.string().regex(new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]*:\\d{12}:${resource}`));
}

export const securityKnobs = {
  securityConfiguration: z
    .string()
    .regex(/^[\w.-]{1,255}$/)
    .default("own")
    .meta({
      description: "own, none, or the name of an EMR security configuration",
      help: "EMR security configuration of the clusters. `own` creates one: IMDSv2 only, encrypted objects, and encrypted volumes with `encryptedVolumes`; a name uses an existing one; `none` uses none.",
      examples: ["none"],
    }),
  encryptedVolumes: flag.default(false).meta({
    description: "true or false",
    help: "Encrypt the nodes' volumes with a KMS key in a stack of its own, at 1 USD a month. In the stack's own VPC without `nat`, it also adds an interface endpoint for KMS at about 0.011 USD an hour, 8 USD a month, with or without a cluster. In your own subnets, the nodes must already reach KMS.",
    defaultText:
      "no fixed cost; volumes are still encrypted in an account whose EC2 settings encrypt EBS volumes by default",
    examples: [true],
  }),
  volumeKeyArn: arn("kms", "key/")
    .optional()
    .meta({
      description: "a KMS key's ARN",
      help: "KMS key of an existing security configuration, which EMR's roles are allowed to use.",
      defaultText: "none; the key's owner grants the use",
      examples: ["arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"],
    }),
};

export const networkKnobs = {
  ssmAccess: flag.default(false).meta({
    description: "true or false",
    help: "Allow Session Manager sessions on the nodes, through three interface endpoints at about 0.033 USD an hour.",
    examples: [true],
  }),
  zoneCount: wholeNumber(1, 3)
    .default(3)
    .meta({
      description: "a whole number from 1 to 3",
      help: "Availability zones in which the new VPC has a subnet. us-west-1 has two.",
      defaultText: "more zones have more capacity, and subnets cost nothing",
      examples: [2],
    }),
  nat: flag.default(false).meta({
    description: "true or false",
    help: "Give the nodes a NAT gateway, at about 0.048 USD an hour and per GB.",
    defaultText: "a run needs S3 only",
    examples: [true],
  }),
};

export const existingResourceKnobs = {
  bucketName: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
    .optional()
    .meta({
      description: "a bucket's name",
      help: "An existing bucket in the stack's region. Its policy and lifecycle rules are not changed.",
      defaultText: "a new one",
      examples: ["my-bucket"],
    }),
  inputPrefix: z
    .string()
    .regex(/^([A-Za-z0-9!_.*'()=-]+\/)+$/)
    .default(defaultInputPrefix)
    .meta({
      description: "a prefix that ends with a slash, such as data/raw/",
      help: "Prefix of the image tree `<split>/<label>/<image>` in the bucket.",
      examples: ["photos/"],
    }),
  inventoryPrefix: z
    .string()
    .regex(/^([A-Za-z0-9!_.*'()=-]+\/)+$/)
    .optional()
    .meta({
      description: "a prefix that ends with a slash, such as s3-inventory/my-bucket/daily/",
      help: "Folder in the bucket into which an S3 Inventory configuration of it writes CSV or Parquet. Of more than two million keys, Preflight counts the images by the latest inventory.",
      defaultText: "none: Preflight estimates them from samples",
      examples: ["s3-inventory/my-bucket/daily/"],
    }),
  vpcId: z
    .string()
    .regex(/^vpc-[0-9a-f]+$/)
    .optional()
    .meta({
      description: "a VPC's id, such as vpc-0123456789abcdef0",
      help: "An existing VPC, for which the security groups are created. It goes with `subnetIds`.",
      defaultText: "a new one",
      examples: ["vpc-0123456789abcdef0"],
    }),
  subnetIds: list(/^subnet-[0-9a-f]+$/)
    .optional()
    .meta({
      description: "subnets' ids, such as subnet-0123456789abcdef0,subnet-0123456789abcdef1",
      help: "Existing private subnets with a route to S3, one of which EMR takes.",
      defaultText: "new ones",
      examples: ["subnet-0123456789abcdef0,subnet-0123456789abcdef1"],
    }),
  primarySecurityGroupId: securityGroup.meta({
    ...securityGroupMeta,
    help: "An existing security group for the primary node. Set all three groups or none.",
  }),
  coreSecurityGroupId: securityGroup.meta({
    ...securityGroupMeta,
    help: "An existing security group for the core nodes. Set all three groups or none.",
  }),
  serviceAccessSecurityGroupId: securityGroup.meta({
    ...securityGroupMeta,
    help: "An existing security group for EMR's access to the nodes. Set all three groups or none.",
  }),
  keyPair: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({
      description: "an EC2 key pair's name",
      help: "Key pair for SSH to the nodes.",
      defaultText: "none",
      examples: ["my-key"],
    }),
  emrServiceRoleArn: arn("iam", "role/")
    .optional()
    .meta({
      description: "a role's ARN",
      help: "An existing service role of EMR. Set it together with the instance profile and its role.",
      defaultText: "a new one",
      examples: ["arn:aws:iam::111122223333:role/emr-service"],
    }),
  emrInstanceProfileArn: arn("iam", "instance-profile/")
    .optional()
    .meta({
      description: "an instance profile's ARN",
      help: "An existing instance profile for the nodes.",
      defaultText: "a new one",
      examples: ["arn:aws:iam::111122223333:instance-profile/emr-node"],
    }),
  emrInstanceRoleArn: arn("iam", "role/")
    .optional()
    .meta({
      description: "the ARN of the role in the instance profile",
      help: "The role in the existing instance profile.",
      defaultText: "a new one",
      examples: ["arn:aws:iam::111122223333:role/emr-node"],
    }),
  topicArn: arn("sns", "")
    .optional()
    .meta({
      description: "an SNS topic's ARN",
      help: "An existing topic for the mails. Its policy is not changed.",
      defaultText: "a new one",
      examples: ["arn:aws:sns:eu-west-1:111122223333:my-topic"],
    }),
};
