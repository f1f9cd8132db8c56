import { GetInstanceProfileCommand, GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { type CheckContext, CheckFailure, type CheckSpec } from "./run-checks.ts";

async function checkServiceRole(iam: IAMClient, name: string): Promise<string> {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: name }));
  const trustPolicy = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "");
  if (!trustPolicy.includes("elasticmapreduce.amazonaws.com"))
    throw new CheckFailure(`Role ${name} does not trust elasticmapreduce.amazonaws.com`);
  return name;
}

async function checkInstanceProfile(iam: IAMClient, name: string): Promise<string> {
  const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: name }));
  const [role] = InstanceProfile?.Roles ?? [];
  if (!role) throw new CheckFailure(`Instance profile ${name} contains no role`);
  return `${name} with role ${role.RoleName}`;
}

/** Checks the roles that a new cluster gets. */
export function roleChecks({ config, clients: { iam } }: CheckContext): readonly CheckSpec[] {
  return [
    {
      name: "emr-service-role",
      remedy: "Deploy the stack again: it owns the role",
      run: () => checkServiceRole(iam, config.EMR_SERVICE_ROLE),
    },
    {
      name: "emr-instance-profile",
      remedy: "Deploy the stack again: it owns the instance profile",
      run: () => checkInstanceProfile(iam, config.EMR_INSTANCE_PROFILE),
    },
  ];
}
