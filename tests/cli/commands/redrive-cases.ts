// Tests of orchard redrive, on the account of stopping.test.ts, whose run "first" was stopped in a step.
import { StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import type { Stage } from "./run-cases.ts";

const allMs = 300_000;
/** An input that Preflight refuses, so that the run ends in seconds. */
const refusedInput = '{"mode":"single-class","label":"No such label"}';

export function redriveCases(stage: () => Stage): void {
  const orchard = (...args: readonly string[]) => stage().orchard(...args);
  const clients = () => createClients(stage().account.env);
  const start = async (name: string): Promise<string> => {
    const { stateMachineArn } = stage().account;
    const start = new StartExecutionCommand({ stateMachineArn, name, input: refusedInput });
    return (await clients().sfn.send(start)).executionArn ?? "";
  };

  describe("orchard redrive", { timeout: allMs }, () => {
    it("reruns a run whose cluster is gone, and does not follow it with --detach", async () => {
      const { exitCode, stdout, stderr } = await orchard("redrive", "first", "--detach", "--json");

      const { runId, ...outcome } = JSON.parse(stdout);
      expect(outcome).toMatchObject({
        action: "rerun",
        reason: expect.stringMatching(/^its cluster j-\w+ is TERMINATED; the features/),
        failedRun: "first",
        report: null,
      });
      expect(stderr).toBe("");
      expect(exitCode).toBe(0);
      const running = await orchard("redrive", runId);
      expect(running.stderr).toContain(`${runId} is RUNNING. Follow it: orchard watch ${runId}`);
      expect(running.exitCode).toBe(2);
      expect((await orchard("stop", runId, "--yes")).exitCode).toBe(0);
    });

    it("lets a run go on that was stopped before it had a cluster, and follows it to its end", async () => {
      const executionArn = await start("aborted");
      await clients().sfn.send(new StopExecutionCommand({ executionArn }));

      const { exitCode, stdout, stderr } = await orchard("redrive", "aborted");

      expect(stderr).toMatch(/aborted goes on: it was ABORTED in \w+, where it can go on\./);
      expect(stdout).toContain("aborted FAILED");
      expect(stderr).toMatch(/✖ InvalidInput: .*No such label/);
      expect(exitCode).toBe(1);
    });

    it("reruns what has failed in the workflow, prints the report as JSON, and ends with exit code 1", async () => {
      const { exitCode, stdout } = await orchard("redrive", "aborted", "--json", "--yes");

      const { action, reason, runId, report } = JSON.parse(stdout);
      expect(action).toBe("rerun");
      expect(reason).toContain("it has cleaned up after InvalidInput");
      expect(report).toMatchObject({ runId, status: "FAILED", error: { name: "InvalidInput" } });
      expect(exitCode).toBe(1);
    });

    it("names the nearest run for one that does not exist, with exit code 3", async () => {
      const { exitCode, stderr } = await orchard("redrive", "frist");

      expect(stderr).toContain("There is no run frist. Did you mean first");
      expect(exitCode).toBe(3);
    });
  });
}
