import { basename } from "node:path";
import { Stack } from "aws-cdk-lib";
import {
  InstanceProfile,
  type IRole,
  ManagedPolicy,
  PolicyStatement,
  type PrincipalBase,
  Role,
  ServicePrincipal,
} from "aws-cdk-lib/aws-iam";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import {
  artifactsPrefix,
  dataPrefix,
  emrLogsPrefix,
  featuresStorePrefix,
  runsPrefix,
  sparkEventsKey,
} from "../../lambdas/contract/s3-layout.ts";
import type { Config } from "../config/knobs.ts";
import { allowServiceLinkedRole } from "./service-linked-role.ts";

interface EmrRolesProps {
  readonly config: Config;
  /** The KMS key of the clusters' volumes. @default no permissions on a key */
  readonly volumeKeyArn?: string;
  readonly bucket: IBucket;
}

/** The roles of a cluster, one for EMR itself and one for the nodes; or the configuration's roles, which stay unchanged. */
export class EmrRoles extends Construct {
  readonly serviceRole: IRole;
  readonly instanceRole: IRole;
  /** A name, as RunJobFlow's JobFlowRole takes it. */
  readonly instanceProfileName: string;
  readonly instanceProfileArn: string;

  constructor(scope: Construct, id: string, props: EmrRolesProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { config, bucket } = props;
    const { emrServiceRoleArn, emrInstanceRoleArn, emrInstanceProfileArn } = config;
    if (emrServiceRoleArn && emrInstanceRoleArn && emrInstanceProfileArn) {
      this.serviceRole = Role.fromRoleArn(this, "GivenServiceRole", emrServiceRoleArn, { mutable: false });
      this.instanceRole = Role.fromRoleArn(this, "GivenInstanceRole", emrInstanceRoleArn, { mutable: false });
      this.instanceProfileArn = emrInstanceProfileArn;
      // A path may precede the name.
      this.instanceProfileName = basename(emrInstanceProfileArn);
      return;
    }

    const instanceRole = new Role(this, "InstanceRole", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });
    this.instanceRole = instanceRole;
    // Set the name here: a reference to the profile is its name on AWS, but its ARN in other implementations.
    this.instanceProfileName = `${stack.stackName}-EmrInstanceProfile-${stack.region}`;
    const profile = new InstanceProfile(this, "InstanceProfile", {
      instanceProfileName: this.instanceProfileName,
      role: instanceRole,
    });
    this.instanceProfileArn = profile.instanceProfileArn;
    const objectsUnder = (...prefixes: string[]): string[] =>
      [...new Set(prefixes)].map((prefix) => bucket.arnForObjects(`${prefix}*`));
    const written = objectsUnder(runsPrefix, featuresStorePrefix, emrLogsPrefix, sparkEventsKey);
    for (const [actions, resources] of [
      [["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], [bucket.bucketArn]],
      [["s3:GetObject"], [...objectsUnder(dataPrefix, config.inputPrefix, artifactsPrefix), ...written]],
      [["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], written],
    ] as const) {
      instanceRole.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
    }
    if (config.ssmAccess) {
      instanceRole.addManagedPolicy(ManagedPolicy.fromAwsManagedPolicyName("AmazonSSMManagedInstanceCore"));
    }

    const serviceRole = new Role(this, "ServiceRole", {
      assumedBy: emrOfThisAccount(stack),
      // This policy allows changes only to resources with the tag for-use-with-amazon-emr-managed-policies=true.
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName("service-role/AmazonEMRServicePolicy_v2")],
    });
    this.serviceRole = serviceRole;
    if (props.volumeKeyArn) {
      for (const statement of keyStatements(props.volumeKeyArn)) {
        serviceRole.addToPolicy(statement);
        instanceRole.addToPolicy(statement);
      }
    }
    // The managed policy lets EMR pass EMR_EC2_DefaultRole only.
    instanceRole.grantPassRole(serviceRole);
    serviceRole.addToPolicy(allowServiceLinkedRole(stack, ["spot.amazonaws.com"], "AWSServiceRoleForEC2Spot"));
  }
}

/**
 * EMR, acting for clusters of this account and Region only: otherwise another account's cluster could use the role.
 * https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-iam-role.html
 */
function emrOfThisAccount(stack: Stack): PrincipalBase {
  return new ServicePrincipal("elasticmapreduce.amazonaws.com").withConditions({
    StringEquals: { "aws:SourceAccount": stack.account },
    ArnLike: { "aws:SourceArn": stack.formatArn({ service: "elasticmapreduce", resource: "*" }) },
  });
}

/**
 * The permissions on the key that EMR's guide requires for both roles, with its wildcards expanded:
 * https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-encryption-enable.html
 */
export function keyStatements(keyArn: string): readonly PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ],
      resources: [keyArn],
    }),
    new PolicyStatement({
      actions: ["kms:CreateGrant"],
      resources: [keyArn],
      // Only EC2 may create a grant, for a volume.
      conditions: { Bool: { "kms:GrantIsForAWSResource": "true" } },
    }),
  ];
}
