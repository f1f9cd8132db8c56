import { createHash } from "node:crypto";
import { CfnDeletionPolicy, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { CfnSecurityConfiguration } from "aws-cdk-lib/aws-emr";
import { Key } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { keyStatements } from "../constructs/emr-roles.ts";

/** The security configuration of RunJobFlow, and the key that EMR's roles use. */
export interface ClusterSecurity {
  readonly name: string;
  /** Key of the volumes. If it is unknown here, its owner must let EMR's roles use it. */
  readonly keyArn?: string;
}

interface SecurityStackProps extends StackProps {
  /** ARNs of existing roles that use the volumes' key. @default none */
  readonly keyUsers?: readonly string[];
}

/**
 * The security configuration of the clusters: IMDSv2 only, encrypted volumes and encrypted objects. It is a stack of its
 * own because several pipelines can share it.
 */
export class SecurityStack extends Stack {
  readonly security: ClusterSecurity;

  constructor(scope: Construct, id: string, { keyUsers = [], ...props }: SecurityStackProps) {
    super(scope, id, props);
    const key = new Key(this, "VolumeKey", {
      description: "Encrypts the volumes of EMR clusters",
      enableKeyRotation: true,
      // The volumes are deleted with their clusters, so the key has nothing left to decrypt.
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(7),
    });
    // The workflow's own roles have these statements in their policies, but existing roles are not changed.
    for (const statement of keyUsers.length === 0 ? [] : keyStatements("*")) {
      for (const role of keyUsers) statement.addArnPrincipal(role);
      key.addToResourcePolicy(statement);
    }
    const settings = {
      EncryptionConfiguration: {
        EnableAtRestEncryption: true,
        // It would need the user's own certificate for the nodes' names; the traffic stays in one private subnet.
        EnableInTransitEncryption: false,
        AtRestEncryptionConfiguration: {
          S3EncryptionConfiguration: { EncryptionMode: "SSE-S3" },
          LocalDiskEncryptionConfiguration: {
            EncryptionKeyProviderType: "AwsKms",
            AwsKmsKey: key.keyArn,
            EnableEbsEncryption: true,
          },
        },
      },
      InstanceMetadataServiceConfiguration: { MinimumInstanceMetadataServiceVersion: 2, HttpPutResponseHopLimit: 1 },
    };
    // EMR cannot update a configuration, so new settings get a new name and running executions keep the old one.
    const digest = createHash("sha256")
      .update(JSON.stringify(settings).replaceAll(key.keyArn, ""))
      .digest("hex")
      .slice(0, 8);
    const name = `${this.stackName}-${digest}`;
    const configuration = new CfnSecurityConfiguration(this, "Configuration", {
      name,
      securityConfiguration: settings,
    });
    configuration.cfnOptions.deletionPolicy = CfnDeletionPolicy.DELETE;
    configuration.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    this.security = { name, keyArn: key.keyArn };
  }
}
