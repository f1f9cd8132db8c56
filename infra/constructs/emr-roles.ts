import { Arn, ArnFormat, Stack } from "aws-cdk-lib";
import {
  InstanceProfile,
  type IRole,
  ManagedPolicy,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from "aws-cdk-lib/aws-iam";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import type { Config } from "../config/knobs.ts";
import { allowServiceLinkedRole } from "./service-linked-role.ts";

interface EmrRolesProps {
  readonly config: Config;
  /** The KMS key of the clusters' volumes. @default not encrypted by a key of ours */
  readonly volumeKeyArn?: string;
  readonly bucket: IBucket;
}

/**
 * The two roles of a cluster: what EMR itself may do, and what the machines of the cluster may do. Roles that were given
 * are taken as they are: what they may do is their owner's.
 */
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
      const { resourceName = "" } = Arn.split(emrInstanceProfileArn, ArnFormat.SLASH_RESOURCE_NAME);
      // A path may stand before the name.
      this.instanceProfileName = resourceName.slice(resourceName.lastIndexOf("/") + 1);
      return;
    }

    const instanceRole = new Role(this, "InstanceRole", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });
    this.instanceRole = instanceRole;
    // Named here, because what a reference to an instance profile answers, a name or an ARN, is not the same everywhere.
    this.instanceProfileName = `${stack.stackName}-EmrInstanceProfile-${stack.region}`;
    const profile = new InstanceProfile(this, "InstanceProfile", {
      instanceProfileName: this.instanceProfileName,
      role: instanceRole,
    });
    this.instanceProfileArn = profile.instanceProfileArn;
    const under = (...prefixes: string[]): string[] =>
      [...new Set(prefixes)].map((prefix) => bucket.arnForObjects(prefix));
    const written = under("runs/*", "features-store/*", "logs/emr/*", "spark-events/*");
    for (const [actions, resources] of [
      [["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], [bucket.bucketArn]],
      [["s3:GetObject"], [...under("data/*", `${config.inputPrefix}*`, "artifacts/*"), ...written]],
      [["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], written],
    ] as const) {
      instanceRole.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
    }
    if (config.ssmAccess) {
      instanceRole.addManagedPolicy(ManagedPolicy.fromAwsManagedPolicyName("AmazonSSMManagedInstanceCore"));
    }

    const serviceRole = new Role(this, "ServiceRole", {
      assumedBy: new ServicePrincipal("elasticmapreduce.amazonaws.com"),
      // It works only on what carries the tag for-use-with-amazon-emr-managed-policies=true.
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName("service-role/AmazonEMRServicePolicy_v2")],
    });
    // The managed policy lets EMR pass EMR_EC2_DefaultRole only.
    this.serviceRole = serviceRole;
    if (props.volumeKeyArn) {
      for (const statement of keyStatements(props.volumeKeyArn)) {
        serviceRole.addToPolicy(statement);
        instanceRole.addToPolicy(statement);
      }
    }
    instanceRole.grantPassRole(serviceRole);
    serviceRole.addToPolicy(allowServiceLinkedRole(stack, "spot.amazonaws.com", "AWSServiceRoleForEC2Spot"));
  }
}

/**
 * What EMR's guide asks for both roles as users of the key
 * (docs.aws.amazon.com/emr/latest/ManagementGuide/emr-encryption-enable.html), its wildcards written out.
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
      // EC2's, for a volume.
      conditions: { Bool: { "kms:GrantIsForAWSResource": "true" } },
    }),
  ];
}
