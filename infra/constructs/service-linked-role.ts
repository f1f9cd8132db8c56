import type { Stack } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";

/** Lets a service's own role be created when the account does not have it yet. */
export function allowServiceLinkedRole(stack: Stack, service: string, roleName: string): PolicyStatement {
  return new PolicyStatement({
    actions: ["iam:CreateServiceLinkedRole"],
    resources: [
      stack.formatArn({
        service: "iam",
        region: "",
        resource: "role",
        resourceName: `aws-service-role/${service}/${roleName}`,
      }),
    ],
  });
}
