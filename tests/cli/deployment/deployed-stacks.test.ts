import { type DescribeStacksCommand, UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import { expect, it } from "vitest";
import type { Target } from "../../../cli/account/deployment-target.ts";
import type { Cdk } from "../../../cli/deployment/cdk-command.ts";
import { deployStacks } from "../../../cli/deployment/deployed-stacks.ts";

/** Deploys over a protected stack in this status, and returns the changes in their order. */
async function deployOver(StackStatus: string): Promise<readonly string[]> {
  const changes: string[] = [];
  const send = async (command: unknown) => {
    if (command instanceof UpdateTerminationProtectionCommand) {
      const { StackName, EnableTerminationProtection } = command.input;
      return changes.push(`${StackName}: protected is ${EnableTerminationProtection}`);
    }
    const { StackName } = (command as DescribeStacksCommand).input;
    return { Stacks: [{ StackName, StackStatus, EnableTerminationProtection: true }] };
  };
  const cdk = { synth: async () => undefined, deploy: async () => changes.push("cdk deploy") } as unknown as Cdk;
  await deployStacks(cdk, { clients: { cloudFormation: { send } } } as unknown as Target, () => undefined);
  return changes;
}

it.each(["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])(
  "lets the CDK replace a stack whose creation ended in %s",
  async (status) => {
    expect(await deployOver(status)).toEqual(["Orchard: protected is false", "cdk deploy"]);
  },
);

it.each(["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_FAILED"])(
  "keeps the protection of a stack in %s",
  async (status) => {
    expect(await deployOver(status)).toEqual(["cdk deploy"]);
  },
);
