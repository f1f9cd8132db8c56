import { TerminateJobFlowsCommand } from "@aws-sdk/client-emr";
import { DescribeStateMachineCommand } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  endAliveClusters,
  executionArnOf,
  findAliveClusters,
  requestEnd,
} from "../../../cli/execution/alive-clusters.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { DeploymentDouble, namedError, stateMachineArn } from "../../doubles/deployment.ts";
import { polling } from "../../doubles/polls.ts";

let deployment: DeploymentDouble;
vi.mock("../../../shared/wait-until.ts", () => import("../../doubles/polls.ts"));

const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:run`;
const otherMachine = stateMachineArn.replace("Orchard", "Other");
const ofOtherMachine = { "orchard:execution-arn": executionArn.replace("Orchard", "Other") };
const tags = { project: "orchard", "orchard:stack": "Orchard", "orchard:execution-arn": executionArn };
const create = (given: Record<string, string> = tags) => deployment.emr.create("orchard-run", given);
const find = () => findAliveClusters(deployment.clients, undefined);
const found = async () => (await find()).map(({ id }) => id);

beforeEach(() => {
  deployment = new DeploymentDouble();
  deployment.addStack("Orchard");
  polling.afterPoll = () => deployment.emr.settle();
});

describe("the clusters of this application", () => {
  it("are found without any deployment, by one of two tags", async () => {
    deployment.stacks.clear();
    deployment.stateMachines.clear();
    const ids = [create(), create({ project: "orchard" }), create({ "orchard:execution-arn": executionArn })];

    expect(await found()).toEqual(ids);
  });

  it("are found until EMR has terminated them", async () => {
    const ids = [create(), create()];
    for (const id of ids) await deployment.emr.client.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));
    expect(await found()).toEqual(ids);

    deployment.emr.settle();
    expect(await found()).toEqual([]);
  });

  it("are not those of another project, by name or tags", async () => {
    create({ project: "cider" });
    create({ "orchard:execution-arn": "unknown" });
    deployment.emr.create("other", tags);

    expect(await found()).toEqual([]);
  });

  it("are not those of another stack or state machine, as long as it exists", async () => {
    const ids = [create({ ...tags, "orchard:stack": "Other" }), create(ofOtherMachine)];
    deployment.addStack("Other");
    deployment.stateMachines.add(otherMachine);

    expect(await found()).toEqual([]);
    deployment.stacks.delete("Other");
    deployment.stateMachines.delete(otherMachine);
    expect(await found()).toEqual(ids);
  });

  it("are those of a state machine that is being deleted", async () => {
    const id = create(ofOtherMachine);
    deployment.stateMachines.add(otherMachine);
    deployment.stateMachineStatus = "DELETING";

    expect(await found()).toEqual([id]);
  });

  it("are not guessed when Step Functions does not say whether their state machine exists", async () => {
    create(ofOtherMachine);
    deployment.before = (command) => {
      if (command instanceof DescribeStateMachineCommand) throw namedError("ThrottlingException");
    };

    await expect(find()).rejects.toThrow("ThrottlingException");
  });

  it("know their run by its own tag, or else by the execution", async () => {
    create({ ...tags, "orchard:run-id": "mine" });
    create();
    create({ project: "orchard" });

    expect((await find()).map(({ runId }) => runId)).toEqual(["mine", "run", ""]);
  });
});

describe("executionArnOf", () => {
  const of = (Value: string) => executionArnOf({ Tags: [{ Key: "orchard:execution-arn", Value }] });

  it.each([executionArn, executionArn.replace("arn:aws:", "arn:aws-us-gov:"), "arn:aws:states:::execution:O:run"])(
    "takes %s for an execution",
    (arn) => {
      expect(of(arn)).toBe(arn);
    },
  );

  it.each([`of ${executionArn}`, stateMachineArn, executionArn.replace(":states:", ":batch:"), ""])(
    "does not take %j for an execution",
    (text) => {
      expect(of(text)).toBeUndefined();
    },
  );
});

describe("the end of the clusters", () => {
  const log: string[] = [];
  const end = () => endAliveClusters(new Lifetime(), deployment.clients, stateMachineArn, (line) => log.push(line));
  beforeEach(() => {
    log.length = 0;
  });

  it("waits until all are gone, and returns them with those that appear meanwhile", async () => {
    const ids = [create(), create()];
    polling.afterPoll = () => {
      if (ids.length === 2) ids.push(create());
      else deployment.emr.settle();
    };

    expect(await end()).toEqual(ids);

    expect(ids.map((id) => deployment.emr.stateOf(id))).toEqual(["TERMINATED", "TERMINATED", "TERMINATED"]);
    expect(log[0]).toMatch(/^cluster j-1 \(orchard-run\) is WAITING, for .*; cluster j-2 \(orchard-run\) is WAITING/);
  });

  it("has nothing to do without clusters", async () => {
    expect(await end()).toEqual([]);
    expect(log).toEqual([]);
  });

  it("names the clusters that are left after 20 minutes", async () => {
    for (const _ of ["j-1", "j-2"]) create();
    polling.afterPoll = () => undefined;

    await expect(end()).rejects.toMatchObject({
      name: "CommandFailed",
      message: expect.stringMatching(
        /^Not terminated after 20 minutes:\n {2}cluster j-1 .* TERMINATING.*\n {2}cluster j-2 .* TERMINATING.*$/,
      ),
    });
  });

  it("goes on to the others when EMR refuses some, and names these", async () => {
    const ids = [create(), create(), create()];
    const alive = await find();
    deployment.before = (command) => {
      if (command instanceof TerminateJobFlowsCommand && command.input.JobFlowIds?.[0] !== ids[1])
        throw namedError("AccessDeniedException");
    };

    await expect(requestEnd(deployment.clients, alive)).rejects.toMatchObject({
      name: "CommandFailed",
      message: expect.stringMatching(
        /^cluster j-1 .* and could not be terminated: AccessDeniedException.*\ncluster j-3 .*$/,
      ),
    });

    expect(deployment.emr.stateOf(ids[1] ?? "")).toBe("TERMINATING");
  });
});
