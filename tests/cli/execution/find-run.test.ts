import {
  DescribeExecutionCommand,
  type ExecutionListItem,
  ListExecutionsCommand,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { describe, expect, it, vi } from "vitest";
import { findRun } from "../../../cli/execution/find-run.ts";

const machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:Orchard";
const prefix = "arn:aws:states:eu-west-1:123456789012:execution:Orchard:";

/** A state machine with runs, listed the newest first, two a page. */
function sfnWith(...names: readonly string[]): SFNClient {
  const items = names.map(
    (name): ExecutionListItem => ({
      name,
      executionArn: prefix + name,
      stateMachineArn: machine,
      status: "SUCCEEDED",
      startDate: new Date("2026-01-02T03:04:05Z"),
    }),
  );
  const client = new SFNClient({ region: "eu-west-1" });
  vi.spyOn(client, "send").mockImplementation(async (command: unknown) => {
    if (command instanceof DescribeExecutionCommand) {
      const found = items.find(({ executionArn }) => executionArn === command.input.executionArn);
      if (found) return found;
      throw Object.assign(new Error("Execution Does Not Exist"), { name: "ExecutionDoesNotExist" });
    }
    if (!(command instanceof ListExecutionsCommand)) throw new Error("unexpected call");
    const from = Number(command.input.nextToken ?? 0);
    const nextToken = from + 2 < items.length ? String(from + 2) : undefined;
    return { executions: items.slice(from, from + 2), nextToken };
  });
  return client;
}

describe("findRun", () => {
  const sfn = sfnWith("run-20260102-b", "run-20260102-a", "nightly-3", "run-2025", "run-2025-more");

  it.each([
    ["run-2025", "run-2025", "the whole name, although another begins so"],
    ["night", "nightly-3", "a beginning that only one has"],
    ["run-2025-", "run-2025-more", "a beginning on a later page"],
    ["latest", "run-20260102-b", "latest"],
  ])("%s is %s: %s", async (text, runId) => {
    expect((await findRun(sfn, machine, text)).runId).toBe(runId);
  });

  it("names the candidates of an ambiguous beginning", async () => {
    await expect(findRun(sfn, machine, "run-2026")).rejects.toMatchObject({
      exitCode: 2,
      message: "Several runs begin with run-2026: run-20260102-b, run-20260102-a",
    });
  });

  it("suggests the nearest name for one that does not exist", async () => {
    await expect(findRun(sfn, machine, "nigthly-3")).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/^There is no run nigthly-3\. Did you mean nightly-3, /),
    });
  });

  it("says so when there are no runs", async () => {
    await expect(findRun(sfnWith(), machine, "latest")).rejects.toMatchObject({ exitCode: 3 });
  });
});
