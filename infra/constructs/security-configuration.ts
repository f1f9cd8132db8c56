import { CfnDeletionPolicy } from "aws-cdk-lib";
import { CfnSecurityConfiguration } from "aws-cdk-lib/aws-emr";
import type { Construct } from "constructs";

/**
 * The settings of an EMR security configuration: IMDSv2 only, encrypted objects and, with a key, encrypted volumes. For
 * these, a node needs a connection to KMS (github.com/awsdocs/amazon-emr-management-guide/issues/15).
 */
function settings(volumeKeyArn: string | undefined) {
  return {
    EncryptionConfiguration: {
      EnableAtRestEncryption: true,
      // Encryption in transit would need the user's own certificate for the nodes' names; the traffic stays in one subnet.
      EnableInTransitEncryption: false,
      AtRestEncryptionConfiguration: {
        S3EncryptionConfiguration: { EncryptionMode: "SSE-S3" },
        ...(volumeKeyArn && {
          LocalDiskEncryptionConfiguration: {
            EncryptionKeyProviderType: "AwsKms",
            AwsKmsKey: volumeKeyArn,
            EnableEbsEncryption: true,
          },
        }),
      },
    },
    InstanceMetadataServiceConfiguration: { MinimumInstanceMetadataServiceVersion: 2, HttpPutResponseHopLimit: 1 },
  };
}

/**
 * Adds the security configuration of the clusters. EMR cannot update one, so new settings are a new configuration, and
 * the old one stays for running executions. CloudFormation chooses its name, because a name derived from the settings
 * would already exist when a deployment returns to earlier ones
 * (docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-emr-securityconfiguration.html).
 *
 * @returns the configuration's name
 */
export function addSecurityConfiguration(scope: Construct, volumeKeyArn?: string): string {
  const configuration = new CfnSecurityConfiguration(scope, "SecurityConfiguration", {
    securityConfiguration: settings(volumeKeyArn),
  });
  configuration.cfnOptions.deletionPolicy = CfnDeletionPolicy.DELETE;
  configuration.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
  return configuration.ref;
}
