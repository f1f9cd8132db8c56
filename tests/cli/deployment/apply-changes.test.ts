import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { applyChanges } from "../../../cli/deployment/apply-changes.ts";
import { CommandFailed } from "../../../cli/terminal/command-errors.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { closedKey } from "../../../lambdas/contract/s3-layout.ts";
import { DeploymentDouble, namedError, stateMachineArn } from "../../doubles/deployment.ts";

let deployment: DeploymentDouble;
vi.mock("../../../shared/wait-until.ts", () => import("../../doubles/polls.ts"));

beforeEach(() => {
  deployment = new DeploymentDouble();
  const outputs = { StateMachineArn: stateMachineArn, DataBucketName: "bucket", InputPrefix: "data/", TopicArn: "arn" };
  deployment.addStack("Orchard", {
    Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
  });
  deployment.addStack("CDKToolkit");
  deployment.template = { Resources: { Nodes: { Type: "AWS::EC2::SecurityGroup" } } };
});

/** Deploys a template without the nodes' security group. */
function deploy(update: () => Promise<void>, lifetime = new Lifetime()): Promise<void> {
  const cdk = {
    synth: async () => undefined,
    bootstrap: async () => undefined,
    templates: () => new Map([["Orchard", { Resources: {} }]]),
    deploy: update,
  };
  const target = { clients: deployment.clients, account: "000000000000", region: "eu-west-1", env: {} };
  return applyChanges(lifetime, { target, cdk, stacks: ["Orchard"], leftOver: [], mayStop: false }, true);
}

describe("a change that affects runs", () => {
  it("refuses new runs while CloudFormation makes it, and tells so at an interruption", async () => {
    const lifetime = new Lifetime();
    const announce = vi.spyOn(lifetime, "announce");

    await deploy(async () => {
      expect(deployment.objects).toContain(closedKey);
      expect(announce.mock.calls.map(([line]) => line())).toEqual([
        expect.stringContaining("no run can start until `orchard deploy` succeeds"),
      ]);
    }, lifetime);

    expect.assertions(2);
  });

  it("opens the deployment again when it fails", async () => {
    const failure = new CommandFailed("cdk deploy failed");

    await expect(deploy(() => Promise.reject(failure))).rejects.toBe(failure);

    expect(deployment.objects).not.toContain(closedKey);
  });

  it("says with the failure that the deployment could not be opened again", async () => {
    deployment.before = (command) => {
      if (command instanceof DeleteObjectCommand) throw namedError("AccessDenied");
    };

    await expect(deploy(() => Promise.reject(new CommandFailed("cdk deploy failed")))).rejects.toThrow(
      /^cdk deploy failed\nThe deployment could not be opened \(AccessDenied.*no run can start/,
    );
  });

  it("is not made when new runs cannot be refused", async () => {
    const update = vi.fn();
    deployment.before = (command) => {
      if (command instanceof PutObjectCommand) throw namedError("AccessDenied");
    };

    await expect(deploy(update)).rejects.toThrow("New runs cannot be refused, so nothing was changed");

    expect(update).not.toHaveBeenCalled();
  });
});
