import { createHash } from "node:crypto";
import { CfnDeletionPolicy, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { CfnSecurityConfiguration } from "aws-cdk-lib/aws-emr";
import { Key } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { keyStatements } from "../constructs/emr-roles.ts";

/** Name and key, as a cluster's RunJobFlow and EMR's roles need them. */
export interface ClusterSecurity {
  readonly name: string;
  /** Of the volumes. Undefined when it is not known here: its owner lets EMR's roles use it. */
  readonly keyArn?: string;
}

interface SecurityStackProps extends StackProps {
  /** ARNs of roles that were given, and use the volumes' key. @default none */
  readonly keyUsers?: readonly string[];
}

/**
 * What every cluster has to keep to: instance metadata by IMDSv2 alone, encrypted volumes, encrypted objects. A stack of
 * its own, because one configuration serves any number of pipelines, and because it holds nothing else that costs.
 */
export class SecurityStack extends Stack {
  readonly security: ClusterSecurity;

  constructor(scope: Construct, id: string, { keyUsers = [], ...props }: SecurityStackProps) {
    super(scope, id, props);
    const key = new Key(this, "VolumeKey", {
      description: "Encrypts the volumes of EMR clusters",
      enableKeyRotation: true,
      // The volumes went with their clusters: nothing is left that it could decrypt.
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(7),
    });
    // The workflow's own roles have it in their policies; what is given is not changed.
    for (const statement of keyUsers.length === 0 ? [] : keyStatements("*")) {
      for (const role of keyUsers) statement.addArnPrincipal(role);
      key.addToResourcePolicy(statement);
    }
    const settings = {
      EncryptionConfiguration: {
        EnableAtRestEncryption: true,
        // Would need a certificate of the reader's own for the nodes' names; the nodes' traffic stays in one private subnet.
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
    // EMR cannot change one: another content is another name, and executions that run find theirs until the stack goes.
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
