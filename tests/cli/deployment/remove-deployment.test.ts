import { stripVTControlCharacters } from "node:util";
import { DeleteStackCommand, type Stack, UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import { ListClustersCommand, TerminateJobFlowsCommand } from "@aws-sdk/client-emr";
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { ListExecutionsCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { deleteStack } from "../../../cli/deployment/delete-stacks.ts";
import { type Removal, removeDeployment } from "../../../cli/deployment/remove-deployment.ts";
import { findRunning } from "../../../cli/execution/running-work.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { closedKey } from "../../../lambdas/contract/s3-layout.ts";
import { waitUntil } from "../../../shared/wait-until.ts";
import { DeploymentDouble, namedError, stateMachineArn } from "../../doubles/deployment.ts";
import { polling } from "../../doubles/polls.ts";

let deployment: DeploymentDouble;
vi.mock("../../../shared/wait-until.ts", () => import("../../doubles/polls.ts"));

const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:run`;
const tags = { project: "orchard", "orchard:stack": "Orchard", "orchard:execution-arn": executionArn };
const createCluster = (changes: Record<string, string> = {}) =>
  deployment.emr.create("orchard-run", { ...tags, ...changes });
const destroy = (changes: Partial<Removal> = {}, lifetime = new Lifetime(), quiet = true) =>
  removeDeployment(
    lifetime,
    {
      clients: deployment.clients,
      stateMachineArn,
      bucket: "bucket",
      stacks: [...deployment.stacks.values()],
      mayStop: true,
      lastSteps: [],
      sameCommand: "orchard destroy",
      ...changes,
    },
    quiet,
  );

beforeEach(() => {
  deployment = new DeploymentDouble();
  // Terminating clusters are gone at the next poll.
  polling.afterPoll = () => deployment.emr.settle();
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
      /^New runs cannot be refused, so nothing was changed: .*\nThese clusters are alive:\n {2}cluster j-1 .*$/,
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

  it("looks twice for executions before it removes an idle deployment", async () => {
    const lifetime = new Lifetime();
    vi.mocked(waitUntil).mockClear();

    await destroy({ mayStop: false }, lifetime);

    const before = deployment.sent.slice(0, deployment.sent.indexOf("DeleteStackCommand Orchard"));
    expect(before.filter((command) => command === "ListExecutionsCommand")).toHaveLength(2);
    expect(vi.mocked(waitUntil).mock.calls[0]?.[1]).toEqual({ everyMs: 3_000, signal: lifetime.signal });
  });

  it("ends the clusters, although an execution cannot be stopped", async () => {
    deployment.running.add("run");
    const id = createCluster();
    deployment.before = (command) => {
      if (command instanceof StopExecutionCommand) throw namedError("AccessDeniedException");
    };
    createCluster();

    await expect(destroy()).rejects.toThrow(
      /AccessDeniedException[\s\S]*EMR was asked to terminate them:\n {2}cluster j-1 .*\n {2}cluster j-2 .*\nNo run/,
    );

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
      message: expect.stringMatching(
        /^cluster j-1 .*could not be terminated.*\nThese clusters are alive:\n {2}cluster j-1 [\s\S]*\ncluster j-1 .*could not be terminated/,
      ),
    });
    expect(deployment.emr.stateOf(ids[1] ?? "")).toBe("TERMINATING");
    expect([...deployment.stacks.keys()]).toEqual(["Orchard"]);
  });

  it("ends nothing when it cannot see what runs, and may not stop it", async () => {
    const id = createCluster();
    deployment.before = (command) => {
      if (command instanceof ListExecutionsCommand) throw namedError("ThrottlingException", "Rate exceeded");
    };

    await expect(destroy({ mayStop: false })).rejects.toMatchObject({
      name: "CommandFailed",
      message: expect.stringMatching(
        /^ThrottlingException: Rate exceeded\nThese clusters are alive:\n {2}cluster j-1 .*\nNo run can start now\. Mend/,
      ),
    });

    expect(deployment.emr.stateOf(id)).toBe("WAITING");
    expect(deployment.objects).toContain(closedKey);
  });

  it("says so when a failure leaves no cluster alive", async () => {
    deployment.deleteStack = (stack) => ({ ...stack, StackStatus: "DELETE_FAILED" });

    await expect(destroy()).rejects.toThrow(/could not be deleted[\s\S]*\nNo cluster is alive\.\nNo run can start now/);
  });

  it("names the running clusters and how to stop them, when it may not", async () => {
    createCluster();
    deployment.running.add("run");

    await expect(destroy({ mayStop: false })).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(
        /^These executions and clusters are still running:\n {2}execution run is RUNNING\n {2}cluster j-1 .*\nWait until .* pass --stop-running/,
      ),
    });
  });

  it("does not hide that something runs when the deployment cannot be opened again", async () => {
    deployment.running.add("run");
    deployment.before = (command) => {
      if (command instanceof DeleteObjectCommand) throw namedError("AccessDenied");
    };

    await expect(destroy({ mayStop: false })).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(
        /execution run is RUNNING[\s\S]*could not be opened \(AccessDenied: AccessDenied\), so no run can start: orchard deploy opens it\.$/,
      ),
    });
  });

  it("says at each moment what an interruption would leave", async () => {
    const lifetime = new Lifetime();
    let describe = (): string => "";
    vi.spyOn(lifetime, "announce").mockImplementation((describeNow) => {
      describe = describeNow;
      return () => undefined;
    });
    const lines = new Set<string>();
    deployment.before = () => lines.add(describe());

    await destroy({}, lifetime);

    const found = "Interrupted. Orchard, executions, and clusters that cost money may still be there.";
    expect([...lines]).toEqual([
      `${found} No run can start until \`orchard deploy\` opens the deployment, or \`orchard destroy\` removes it. Go on with: orchard destroy`,
      `${found} No run can start. Go on with: orchard destroy`,
      "Interrupted. Clusters without a stack may still be there and cost money. Go on with: orchard destroy",
    ]);
  });

  it("neither closes nor opens a deployment without a bucket", async () => {
    deployment.running.add("run");

    await expect(destroy({ mayStop: false, bucket: undefined })).rejects.toThrow("execution run is RUNNING");
    await destroy({ bucket: undefined });

    expect(deployment.sent.filter((command) => /Object/.test(command))).toEqual([]);
    expect([...deployment.stacks.keys()]).toEqual([]);
  });

  it("removes a deployment whose bucket is gone", async () => {
    deployment.before = (command) => {
      if (command instanceof PutObjectCommand) throw namedError("NoSuchBucket");
    };

    await destroy();

    expect([...deployment.stacks.keys()]).toEqual([]);
  });

  it("leaves an interruption as it is, and looks for nothing after it", async () => {
    const lifetime = new Lifetime();
    const interruption = new Error("Interrupted by SIGINT");
    deployment.before = (command) => {
      if (!(command instanceof DeleteStackCommand)) return;
      vi.spyOn(lifetime, "interrupted", "get").mockReturnValue(true);
      deployment.sent.length = 0;
      throw interruption;
    };

    await expect(destroy({}, lifetime)).rejects.toBe(interruption);

    expect(deployment.sent).toEqual([]);
  });

  it.each([
    ["j-1, j-2 ended", 2],
    ["none", 0],
  ])("shows each step, the last steps, and the clusters that began meanwhile: %s", async (shown, count) => {
    deployment.deleteStack = () => {
      for (let number = 0; number < count; number += 1) createCluster();
      return undefined;
    };
    const written: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
    const run = async () => expect([...deployment.stacks.keys()]).toEqual([]);

    await destroy({ lastSteps: [{ title: "Data", run }] }, new Lifetime(), false).finally(() => vi.restoreAllMocks());

    const text = stripVTControlCharacters(written.join(""));
    for (const title of [
      "New runs: refused",
      "What runs",
      "Stack Orchard",
      "Clusters that began meanwhile: none",
      "Data",
    ])
      expect(text).toContain(title);
    expect(text).toContain(`Clusters that began meanwhile: ${shown}`);
    expect(text.includes("ended")).toBe(count > 0);
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

  it("is given up when EMR has not released its network interfaces within 20 minutes", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    deployment.deleteStack = (stack) => {
      vi.setSystemTime(Date.now() + 11 * 60_000);
      return { ...stack, StackStatus: "DELETE_FAILED", StackStatusReason: "DependencyViolation" };
    };

    await expect(remove(deployment.addStack("Orchard"))).rejects.toThrow(
      "The stack Orchard could not be deleted: DELETE_FAILED, DependencyViolation",
    );

    expect(deployment.sent.filter((command) => command.startsWith("DeleteStackCommand"))).toHaveLength(2);
  });
});
