import type { Stack } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";

export function serviceLinkedRoleArn(stack: Stack, service: string, roleName: string): string {
  return stack.formatArn({
    service: "iam",
    region: "",
    resource: "role",
    resourceName: `aws-service-role/${service}/${roleName}`,
  });
}

/**
 * Allows creating a service-linked role, which an account lacks until the first use of the service. IAM's guide ends the
 * ARN with a wildcard for services that take a suffix. Our services have none, and AWS grants exact names itself
 * (docs.aws.amazon.com/aws-managed-policy/latest/reference/SageMakerStudioUserIAMPermissiveExecutionPolicy.html).
 *
 * @param services the names of one service, which may differ between partitions
 */
export function allowServiceLinkedRole(stack: Stack, services: readonly string[], roleName: string): PolicyStatement {
  return new PolicyStatement({
    actions: ["iam:CreateServiceLinkedRole"],
    resources: services.map((service) => serviceLinkedRoleArn(stack, service, roleName)),
  });
}
