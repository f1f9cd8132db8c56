import { Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { keyStatements } from "../constructs/emr-roles.ts";

interface SecurityStackProps extends StackProps {
  /** ARNs of existing roles that use the volumes' key. @default none */
  readonly keyUsers?: readonly string[];
}

/** The key of the clusters' volumes. It is a stack of its own because several pipelines can share it. */
export class SecurityStack extends Stack {
  readonly volumeKeyArn: string;

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
    this.volumeKeyArn = key.keyArn;
  }
}
