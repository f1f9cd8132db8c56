import { type Stack, UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import { ListClustersCommand, TerminateJobFlowsCommand } from "@aws-sdk/client-emr";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { ListExecutionsCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { deleteStack } from "../../../cli/deployment/delete-stacks.ts";
import { type Removal, removeDeployment } from "../../../cli/deployment/remove-deployment.ts";
import { findAliveClusters } from "../../../cli/execution/alive-clusters.ts";
import { findRunning } from "../../../cli/execution/running-work.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { closedKey } from "../../../lambdas/contract/s3-layout.ts";
import { DeploymentDouble, namedError, stateMachineArn } from "../../doubles/deployment.ts";

let deployment: DeploymentDouble;
// Polls without pauses; terminating clusters are gone at the next poll.
vi.mock("../../../shared/wait-until.ts", () => ({
  waitUntil: async (isDone: () => Promise<boolean>) => {
    for (let polls = 0; polls < 10; polls += 1) {
      if (await isDone()) return true;
      deployment.emr.settle();
    }
    return false;
  },
}));

const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:run`;
const tags = { project: "orchard", "orchard:stack": "Orchard", "orchard:execution-arn": executionArn };
const createCluster = (changes: Record<string, string> = {}) =>
  deployment.emr.create("orchard-run", { ...tags, ...changes });
const destroy = (changes: Partial<Removal> = {}) =>
  removeDeployment(
    new Lifetime(),
    {
      clients: deployment.clients,
      stateMachineArn,
      bucket: "bucket",
      stacks: [...deployment.stacks.values()],
      mayStop: true,
      lastSteps: [],
      ...changes,
    },
    true,
  );

beforeEach(() => {
  deployment = new DeploymentDouble();
  deployment.addStack("Orchard");
});

describe("destroy", () => {
  it("refuses new runs before it looks for executions, so that none slips through", async () => {
    deployment.before = (command) => {
      if (command instanceof ListExecutionsCommand) expect(deployment.objects).toContain(closedKey);
    };

    await destroy();

    expect(deployment.sent).toContain("ListExecutionsCommand");
    expect([...deployment.stacks.keys()]).toEqual([]);
  });

  it("removes and ends nothing when it cannot refuse new runs", async () => {
    const id = createCluster();
    deployment.before = (command) => {
      if (command instanceof PutObjectCommand) throw namedError("AccessDenied");
    };

    await expect(destroy()).rejects.toThrow(
      /New runs cannot be refused, so nothing was removed.*These clusters are alive/s,
    );

    expect(deployment.emr.stateOf(id)).toBe("WAITING");
    expect([...deployment.stacks.keys()]).toEqual(["Orchard"]);
  });

  it("opens the deployment again when something runs that it may not stop", async () => {
    deployment.running.add("run");

    await expect(destroy({ mayStop: false })).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringContaining("execution run is RUNNING"),
    });

    expect(deployment.objects).not.toContain(closedKey);
    expect([...deployment.stacks.keys()]).toEqual(["Orchard"]);
  });

  it("notices an execution that ListExecutions missed at first", async () => {
    let lists = 0;
    deployment.before = (command) => {
      if (command instanceof ListExecutionsCommand && ++lists === 2) deployment.running.add("run");
    };

    await expect(destroy({ mayStop: false })).rejects.toThrow("execution run is RUNNING");

    expect([...deployment.stacks.keys()]).toEqual(["Orchard"]);
  });

  it("ends the clusters, although an execution cannot be stopped", async () => {
    deployment.running.add("run");
    const id = createCluster();
    deployment.before = (command) => {
      if (command instanceof StopExecutionCommand) throw namedError("AccessDeniedException");
    };

    await expect(destroy()).rejects.toThrow(/AccessDeniedException[\s\S]*EMR was asked to terminate them/);

    expect(deployment.emr.stateOf(id)).toBe("TERMINATING");
    expect([...deployment.stacks.keys()]).toEqual(["Orchard"]);
  });

  it.each([true, false])(
    "ends a cluster that began meanwhile, although a stack cannot be deleted; --stop-running: %s",
    async (mayStop) => {
      let late = "";
      deployment.deleteStack = (stack) => {
        late = createCluster();
        return { ...stack, StackStatus: "DELETE_FAILED", StackStatusReason: "a role is in use" };
      };

      await expect(destroy({ mayStop })).rejects.toMatchObject({
        exitCode: 1,
        message: expect.stringMatching(/could not be deleted: DELETE_FAILED, a role is in use[\s\S]*cluster j-1/),
      });

      expect(deployment.emr.stateOf(late)).toBe("TERMINATING");
      expect(deployment.objects).toContain(closedKey);
    },
  );

  it("ends a cluster that began meanwhile after the stacks, even one of an unknown state machine", async () => {
    let late = "";
    deployment.deleteStack = () => {
      deployment.stateMachines.clear();
      late = createCluster({ "orchard:execution-arn": executionArn.replace("Orchard", "OlderName") });
      return undefined;
    };

    await destroy();

    expect(deployment.emr.stateOf(late)).toBe("TERMINATED");
  });

  it("names the clusters that EMR refuses to terminate, and keeps the first failure", async () => {
    const ids = [createCluster(), createCluster()];
    deployment.before = (command) => {
      if (command instanceof TerminateJobFlowsCommand && command.input.JobFlowIds?.[0] === ids[0])
        throw namedError("AccessDeniedException");
    };

    const error = await destroy().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/^cluster j-1 .*could not be terminated/),
    });
    expect(deployment.emr.stateOf(ids[1] ?? "")).toBe("TERMINATING");
    expect([...deployment.stacks.keys()]).toEqual(["Orchard"]);
  });

  it("does not end with success when clusters cannot be listed after the deletion", async () => {
    deployment.before = (command) => {
      if (command instanceof ListClustersCommand && deployment.stacks.size === 0)
        throw namedError("ThrottlingException");
    };

    await expect(destroy()).rejects.toThrow(/It is not known whether clusters are alive: ThrottlingException/);
  });

  it("works when the state machine is gone and the stack is left", async () => {
    deployment.stateMachines.clear();
    deployment.addStack("Orchard", { StackStatus: "DELETE_FAILED" });
    const id = createCluster();

    expect(await findRunning(deployment.clients, stateMachineArn)).toMatchObject({
      executions: [],
      clusters: [{ id }],
    });
    await destroy();

    expect(deployment.emr.stateOf(id)).toBe("TERMINATED");
    expect([...deployment.stacks.keys()]).toEqual([]);
  });
});

describe("the clusters of this application", () => {
  const found = async () => (await findAliveClusters(deployment.clients, undefined)).map(({ id }) => id);
  const otherMachine = stateMachineArn.replace("Orchard", "Other");

  it("are found without any deployment", async () => {
    deployment.stacks.clear();
    deployment.stateMachines.clear();
    const ids = [
      createCluster(),
      deployment.emr.create("orchard-a", { project: "orchard" }),
      deployment.emr.create("orchard-b", { "orchard:execution-arn": executionArn }),
    ];

    expect(await found()).toEqual(ids);
  });

  it("are not those of another project, by name or tags", async () => {
    deployment.emr.create("orchard-apples", { project: "cider" });
    deployment.emr.create("other", tags);

    expect(await found()).toEqual([]);
  });

  it("are not those of another stack or state machine, as long as it exists", async () => {
    const ofOtherStack = createCluster({ "orchard:stack": "Other" });
    const ofOtherMachine = deployment.emr.create("orchard-b", {
      "orchard:execution-arn": executionArn.replace("Orchard", "Other"),
    });
    deployment.addStack("Other");
    deployment.stateMachines.add(otherMachine);

    expect(await found()).toEqual([]);
    deployment.stacks.delete("Other");
    deployment.stateMachines.delete(otherMachine);
    expect(await found()).toEqual([ofOtherStack, ofOtherMachine]);
  });
});

describe("the deletion of a stack", () => {
  const log: string[] = [];
  const remove = (stack: Stack) =>
    deleteStack(new Lifetime(), deployment.clients, stack, (line) => log.push(line), { pollMs: 0, retryMs: 0 });

  it("lifts the termination protection first", async () => {
    await remove(deployment.addStack("Orchard", { EnableTerminationProtection: true }));

    expect(deployment.sent.slice(0, 2)).toEqual([
      `${UpdateTerminationProtectionCommand.name} Orchard`,
      "DeleteStackCommand Orchard",
    ]);
    expect([...deployment.stacks.keys()]).toEqual([]);
  });

  it("is tried again while EMR's network interfaces are attached", async () => {
    const reason = "resource sg-1 has a dependent object (Service: Ec2, Status Code: 400)";
    deployment.resources = [
      { LogicalResourceId: "Nodes", ResourceStatus: "DELETE_FAILED", ResourceStatusReason: reason } as never,
    ];
    let failures = 2;
    deployment.deleteStack = (stack) => {
      failures -= 1;
      return failures < 0 ? undefined : { ...stack, StackStatus: "DELETE_FAILED" };
    };

    await remove(deployment.addStack("Orchard"));

    expect(log).toHaveLength(2);
    expect(log[0]).toContain(
      `network interfaces, then deletes again: DELETE_FAILED, no reason given; Nodes: ${reason}`,
    );
    expect([...deployment.stacks.keys()]).toEqual([]);
  });
});
