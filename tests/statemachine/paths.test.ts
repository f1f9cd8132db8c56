import type { Cluster } from "@aws-sdk/client-emr";
import { StateMachine } from "aws-local-stepfunctions";
import { describe, expect, it } from "vitest";
import { maxHoursOf, tagOf } from "../../lambdas/aws/emr.ts";
import { executionTag, runIdTag, stackTag, wheelhouseTag } from "../../lambdas/contract/tags.ts";
import { parseWithTimeouts } from "../../local/stepfunctions/runnable.ts";
import { renderedDefinition, tasks } from "./definition.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Handlers = Record<string, (input: Json) => Json>;

const definition = renderedDefinition();
const happyStates = [
  "TakeInput",
  "NeedsTurn",
  "Preflight",
  "AnythingToDo",
  "UploadScripts",
  "ClusterGiven",
  "CreateCluster",
  "HasCoreNodes",
  "SetManagedScaling",
  "NeedsInventory",
  "Inventory",
  "ConfirmQuote",
  "NeedsFeatures",
  "ExtractFeatures",
  "NeedsReduction",
  "ReduceDimensions",
  "ValidateResults",
  "LeaveCluster",
  "TerminateCluster",
  "RecordCost",
  "WriteReport",
  "NotifySuccess",
  "Succeeded",
];
const cleanUpStates = [
  "TerminateClusterAfterFailure",
  "ConfirmTerminated",
  "DiagnoseFailure",
  "NotifyFailure",
  "Failed",
];

const plan = {
  mode: "mini",
  cluster: {
    name: "orchard-run",
    releaseLabel: "emr-7.13.0",
    coreCount: 2,
    idleTimeoutSeconds: 1800,
    applications: [],
    configurations: [],
    managedScalingPolicy: {},
    instances: {
      InstanceFleets: [],
      Ec2SubnetIds: ["subnet-1"],
      EmrManagedMasterSecurityGroup: "sg-1",
      EmrManagedSlaveSecurityGroup: "sg-2",
      ServiceAccessSecurityGroup: "sg-3",
      Ec2KeyName: "key",
    },
  },
  steps: { any: true, inventory: true, features: true, reduction: true },
  stepLimits: { inventory: { seconds: 1800 }, features: { seconds: 1800 }, reduction: { seconds: 1800 } },
  borrowed: null,
  maxHours: 4,
  keepMinutes: 0,
};

function workingHandlers(steps: Readonly<Record<string, boolean | undefined>> = {}): Handlers {
  return {
    ...Object.fromEntries(tasks(definition).map(([name]) => [name, () => ({})])),
    TakeInput: (input) => ({ input }),
    Preflight: () => ({ ...plan, steps: { ...plan.steps, ...steps } }),
    UploadScripts: () => ({
      bootstrap: "s3://b/bootstrap.sh",
      bootstrapArgs: [],
      wheelhouse: "0".repeat(64),
      steps: { inventory: [], features: [], reduction: [] },
    }),
    CreateCluster: () => ({ ClusterId: "j-1" }),
    ConfirmQuote: (input) => (input as { state: { plan: Json } }).state.plan,
    DiagnoseFailure: () => ({ cause: "the root cause" }),
  };
}

function failing(name: string, message = `${name}: it broke`) {
  return (): Json => {
    const error = new Error(message);
    error.name = name;
    throw error;
  };
}

/** Interprets the definition with handlers in place of AWS. Returns the entered states and how the execution ended. */
async function run(handlers: Handlers, input: Json = { mode: "mini" }) {
  const machine = new StateMachine(parseWithTimeouts(JSON.stringify(definition)));
  const noWaiting = Object.fromEntries(tasks(definition).map(([name]) => [name, 0]));
  const execution = machine.run(input, {
    overrides: { taskResourceLocalHandlers: handlers, retryIntervalOverrides: noWaiting },
    context: { Execution: { Id: "arn:execution", Name: "run", StartTime: "2026-01-01T00:00:00Z" } },
  });
  const ended = execution.result.then(
    () => ({ status: "SUCCEEDED" }) as const,
    (error: Error) => ({ status: "FAILED", error: error.cause as Error }) as const,
  );
  const entered: string[] = [];
  let lastInput: Json = null;
  for await (const event of execution.eventLogs) {
    if (event.type !== "StateEntered") continue;
    entered.push(event.state.name);
    lastInput = event.state.input;
  }
  return { ...(await ended), entered, lastInput: lastInput as Record<string, Json> };
}

describe("the paths", () => {
  it("enters every state of a successful run", async () => {
    const { status, entered } = await run(workingHandlers());
    expect(status).toBe("SUCCEEDED");
    expect(entered).toEqual(happyStates);
  });

  it.each([
    { steps: { features: false, reduction: false }, ran: ["Inventory"] },
    { steps: { inventory: false, features: false }, ran: ["ReduceDimensions"] },
    { steps: { inventory: false }, ran: ["ExtractFeatures", "ReduceDimensions"] },
  ])("runs only the steps of the plan: $ran", async ({ steps, ran }) => {
    const { status, entered } = await run(workingHandlers(steps));
    expect(status).toBe("SUCCEEDED");
    expect(entered.filter((name) => ["Inventory", "ExtractFeatures", "ReduceDimensions"].includes(name))).toEqual(ran);
  });

  it("creates no cluster if there is nothing to do", async () => {
    const { status, entered } = await run(workingHandlers({ any: false }));
    expect(status).toBe("SUCCEEDED");
    expect(entered).toEqual(["TakeInput", "NeedsTurn", "Preflight", "AnythingToDo", "NotifySuccess", "Succeeded"]);
  });

  it.each(["allow", 1, null, { skip: true }, ["queue"]])(
    "does not look for other executions if overlap is %j",
    async (overlap) => {
      const { status, entered } = await run(
        { ...workingHandlers(), TakeTurn: failing("MustNotBeCalled") },
        { mode: "mini", overlap },
      );
      expect(status).toBe("SUCCEEDED");
      expect(entered).toEqual(happyStates);
    },
  );

  const taking = ["TakeInput", "NeedsTurn", "TakeTurn"];

  it.each(["skip", "queue"])("continues if no other execution is running: %s", async (overlap) => {
    const { status, entered } = await run(
      { ...workingHandlers(), TakeTurn: () => ({ isOurs: true, inTheWay: null }) },
      { mode: "mini", overlap },
    );
    expect(status).toBe("SUCCEEDED");
    expect(entered).toEqual([...taking, "HasTurn", ...happyStates.slice(2)]);
  });

  it("is skipped if another execution is running, and names it", async () => {
    const turn = { isOurs: false, inTheWay: { executionArn: "arn:other", startedAt: "2026-01-01T00:00:00Z" } };
    const { status, entered, lastInput } = await run(
      { ...workingHandlers(), TakeTurn: () => turn },
      { mode: "mini", overlap: "skip" },
    );
    expect(status).toBe("SUCCEEDED");
    expect(entered).toEqual([...taking, "HasTurn", "Skipped"]);
    expect(lastInput["turn"]).toEqual(turn);
  });

  it("waits for another execution, and fails with OtherExecutionRunning if that does not end", async () => {
    let calls = 0;
    const never = (): Json => {
      calls += 1;
      return failing("OtherExecutionRunning")();
    };
    const { status, entered, ...rest } = await run(
      { ...workingHandlers(), TakeTurn: never },
      { mode: "mini", overlap: "queue" },
    );
    expect(calls).toBe(121);
    expect(status).toBe("FAILED");
    expect(entered).toEqual([...taking, ...cleanUpStates]);
    expect("error" in rest && rest.error.name).toBe("OtherExecutionRunning");
  });

  it("drops an input that is too large, so that the state data stays below its limit", async () => {
    const { entered, lastInput, ...rest } = await run(
      { ...workingHandlers(), TakeInput: failing("InvalidInput", "x".repeat(8_000)) },
      { mode: "m".repeat(250_000) },
    );

    expect(entered).toEqual(["TakeInput", "DropInput", ...cleanUpStates]);
    expect("error" in rest && rest.error.name).toBe("InvalidInput");
    expect(lastInput["error"]).toMatchObject({ Error: "InvalidInput" });
    expect(Buffer.byteLength(JSON.stringify(lastInput))).toBeLessThan(20_000);
  });

  const planOnKeptCluster = { ...plan, borrowed: { clusterId: "j-2" } };

  it("runs its steps on a kept cluster and does not terminate it", async () => {
    const seen: Json[] = [];
    const step = (input: Json): Json => {
      seen.push((input as { ClusterId: string }).ClusterId);
      return {};
    };
    const { status, entered } = await run({
      ...workingHandlers(),
      Preflight: () => planOnKeptCluster,
      Inventory: step,
    });
    expect(status).toBe("SUCCEEDED");
    expect(seen).toEqual(["j-2"]);
    expect(entered).toContain("UseKeptCluster");
    expect(entered.filter((name) => /^(Create|Keep|Terminate)Cluster/.test(name))).toEqual([]);
  });

  it("keeps the cluster that it created if keepMinutes is set", async () => {
    const { status, entered } = await run({ ...workingHandlers(), Preflight: () => ({ ...plan, keepMinutes: 30 }) });
    expect(status).toBe("SUCCEEDED");
    expect(entered.slice(-5)).toEqual(["KeepCluster", "RecordCost", "WriteReport", "NotifySuccess", "Succeeded"]);
    expect(entered).not.toContain("TerminateCluster");
  });

  it("terminates the cluster if keeping it fails", async () => {
    const { entered, ...rest } = await run({
      ...workingHandlers(),
      Preflight: () => ({ ...plan, keepMinutes: 30 }),
      KeepCluster: failing("FirstError"),
    });
    expect(entered.slice(-cleanUpStates.length)).toEqual(cleanUpStates);
    expect("error" in rest && rest.error.name).toBe("FirstError");
  });

  it("creates a cluster with the tags that the later functions read", async () => {
    const created: Cluster[] = [];
    const create = (input: Json): Json => {
      created.push(input as Cluster);
      return { ClusterId: "j-1" };
    };
    await run({ ...workingHandlers(), CreateCluster: create });
    const [cluster = {}] = created;
    expect(tagOf(cluster, executionTag)).toBe("arn:execution");
    expect(tagOf(cluster, stackTag)).toBe("stackname");
    expect(tagOf(cluster, runIdTag)).toBe("run");
    expect(tagOf(cluster, wheelhouseTag)).toBe("0".repeat(64));
    expect(maxHoursOf(cluster)).toBe(plan.maxHours);
  });

  it("passes the cluster's id to every state that uses the cluster", async () => {
    const seen: Json[] = [];
    const step = (input: Json): Json => {
      seen.push((input as { ClusterId: string }).ClusterId);
      return {};
    };
    await run({
      ...workingHandlers(),
      SetManagedScaling: step,
      Inventory: step,
      ExtractFeatures: step,
      ReduceDimensions: step,
      TerminateCluster: step,
    });
    expect(seen).toEqual(["j-1", "j-1", "j-1", "j-1", "j-1"]);
  });

  const beforeTeardown = happyStates.filter(
    (name) =>
      definition.States[name]?.Type === "Task" && !["RecordCost", "WriteReport", "NotifySuccess"].includes(name),
  );
  it.each(["TakeTurn", ...beforeTeardown])(
    "if %s fails, terminates the cluster, diagnoses, notifies and fails with the first error",
    async (name) => {
      const { status, entered, lastInput, ...rest } = await run(
        { ...workingHandlers(), TakeTurn: () => ({ isOurs: true, inTheWay: null }), [name]: failing("FirstError") },
        { mode: "mini", overlap: "skip" },
      );
      expect(status).toBe("FAILED");
      expect(entered.slice(-cleanUpStates.length)).toEqual(cleanUpStates);
      expect(lastInput["error"]).toMatchObject({ Error: "FirstError" });
      expect("error" in rest && rest.error.name).toBe("FirstError");
      expect("error" in rest && rest.error.message).toBe("the root cause");
    },
  );

  it.each([[[1, 2]], ["text"], [7]])("fails with InvalidInput if the input is %j", async (input) => {
    const { status, entered, ...rest } = await run(
      { ...workingHandlers(), Preflight: failing("InvalidInput") },
      input as Json,
    );
    expect(status).toBe("FAILED");
    expect(entered.at(-1)).toBe("Failed");
    expect("error" in rest && rest.error.name).toBe("InvalidInput");
  });

  it.each(["TerminateClusterAfterFailure", "ConfirmTerminated", "DiagnoseFailure", "NotifyFailure"])(
    "keeps the first error if %s fails too, and still notifies",
    async (name) => {
      const { entered, ...rest } = await run({
        ...workingHandlers(),
        Inventory: failing("FirstError", "first"),
        [name]: failing("SecondError", "second"),
      });
      expect(entered).toContain("NotifyFailure");
      expect(entered.at(-1)).toBe("Failed");
      expect("error" in rest && rest.error.name).toBe("FirstError");
      expect("error" in rest && rest.error.message).toBe(name === "DiagnoseFailure" ? "first" : "the root cause");
    },
  );

  it("sets no managed scaling for a single node", async () => {
    const oneNode = { ...plan, cluster: { ...plan.cluster, coreCount: 0 } };
    const { status, entered } = await run({ ...workingHandlers(), Preflight: () => oneNode });
    expect(status).toBe("SUCCEEDED");
    expect(entered).toEqual(happyStates.filter((name) => name !== "SetManagedScaling"));
  });

  it.each([
    ["RecordCost", "costError"],
    ["WriteReport", "reportError"],
  ])("succeeds although %s fails", async (state, member) => {
    const { status, entered, lastInput } = await run({ ...workingHandlers(), [state]: failing("ServiceDown") });
    expect(status).toBe("SUCCEEDED");
    expect(entered).toEqual(happyStates);
    expect(lastInput[member]).toMatchObject({ Error: "ServiceDown" });
    expect(lastInput).not.toHaveProperty("error");
  });

  it("succeeds although the mail cannot be sent", async () => {
    const { status, entered } = await run({ ...workingHandlers(), NotifySuccess: failing("SnsDown") });
    expect(status).toBe("SUCCEEDED");
    expect(entered.at(-1)).toBe("Succeeded");
  });

  it("waits for a cluster that is still terminating", async () => {
    let calls = 0;
    const confirm = (): Json => (++calls < 5 ? failing("ClusterStillTerminating")() : {});
    const { entered } = await run({
      ...workingHandlers(),
      Inventory: failing("FirstError"),
      ConfirmTerminated: confirm,
    });
    expect(calls).toBe(5);
    expect(entered.at(-1)).toBe("Failed");
  });
});
