import { Stack } from "aws-cdk-lib";
import { InstanceProfile, ManagedPolicy, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { allowServiceLinkedRole } from "./service-linked-role.ts";

interface EmrRolesProps {
  readonly bucket: IBucket;
}

/** The two roles of a cluster: what EMR itself may do, and what the machines of the cluster may do. */
export class EmrRoles extends Construct {
  readonly serviceRole: Role;
  readonly instanceRole: Role;
  /** A name, as RunJobFlow's JobFlowRole takes it. */
  readonly instanceProfileName: string;
  readonly instanceProfileArn: string;

  constructor(scope: Construct, id: string, props: EmrRolesProps) {
    super(scope, id);
    const stack = Stack.of(this);

    this.instanceRole = new Role(this, "InstanceRole", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });
    // Named here, because what a reference to an instance profile answers, a name or an ARN, is not the same everywhere.
    this.instanceProfileName = `${stack.stackName}-EmrInstanceProfile-${stack.region}`;
    const profile = new InstanceProfile(this, "InstanceProfile", {
      instanceProfileName: this.instanceProfileName,
      role: this.instanceRole,
    });
    this.instanceProfileArn = profile.instanceProfileArn;
    props.bucket.grantRead(this.instanceRole, "data/*");
    props.bucket.grantRead(this.instanceRole, "artifacts/*");
    for (const prefix of ["runs/*", "features-store/*", "logs/emr/*", "spark-events/*"]) {
      props.bucket.grantReadWrite(this.instanceRole, prefix);
    }

    this.serviceRole = new Role(this, "ServiceRole", {
      assumedBy: new ServicePrincipal("elasticmapreduce.amazonaws.com"),
      // It works only on what carries the tag for-use-with-amazon-emr-managed-policies=true.
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName("service-role/AmazonEMRServicePolicy_v2")],
    });
    // The managed policy lets EMR pass EMR_EC2_DefaultRole only.
    this.instanceRole.grantPassRole(this.serviceRole);
    this.serviceRole.addToPolicy(allowServiceLinkedRole(stack, "spot.amazonaws.com", "AWSServiceRoleForEC2Spot"));
  }
}
