import { Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AnyPrincipal, type PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { keyStatements } from "../constructs/emr-roles.ts";
import { serviceLinkedRoleArn } from "../constructs/service-linked-role.ts";

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
      // Each yearly rotation raises the price by 1 USD a month, up to 3 (aws.amazon.com/kms/pricing). A key for volumes
      // that live for hours has little to gain from it.
      enableKeyRotation: false,
      // Volumes are deleted with their clusters, and deploy and destroy remove no stack while a cluster is alive: the
      // removed key has nothing left to decrypt.
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(7),
    });
    // The workflow's own roles have these statements in their policies, but existing roles are not changed.
    for (const statement of keyUsers.length === 0 ? [] : keyStatements("*")) {
      for (const role of keyUsers) statement.addArnPrincipal(role);
      key.addToResourcePolicy(statement);
    }
    for (const statement of spotStatements(this)) key.addToResourcePolicy(statement);
    this.volumeKeyArn = key.keyArn;
  }
}

/**
 * Lets EC2's service-linked role for Spot use the key, even if the configuration chooses no Spot, because an execution input
 * can (docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html, "Grant access to
 * customer managed keys"). A condition names the role, because KMS refuses a policy with a principal that does not exist,
 * and a new account has no such role before its first Spot request.
 *
 * AWSServiceRoleForEC2Fleet needs no grant: fleets of type instant do without it (ec2-fleet-prerequisites.html in the same
 * guide). EMR's can be of no other type, because AmazonEMRServicePolicy_v2 lets it create fleets, but not delete them.
 */
function spotStatements(stack: Stack): readonly PolicyStatement[] {
  const statements = keyStatements("*");
  for (const statement of statements) {
    statement.addPrincipals(new AnyPrincipal());
    statement.addCondition("StringEquals", { "kms:CallerAccount": stack.account });
    statement.addCondition("ArnEquals", {
      "aws:PrincipalArn": serviceLinkedRoleArn(stack, "spot.amazonaws.com", "AWSServiceRoleForEC2Spot"),
    });
  }
  return statements;
}
