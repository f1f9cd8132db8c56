import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { DescribeExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeAll, describe, expect, it } from "vitest";
import { waitUntil } from "../../../shared/wait-until.ts";
import { json, orchard } from "../account/account-commands.ts";
import { allMs, clusterOf, finishedRun, type Stage, startExecution } from "./stage.ts";

/** After the run "no-label" was refused. The run "broken-plan" is started here, and fails in a step. */
export function failureCases(stage: () => Stage): void {
  describe("a run that was refused", () => {
    it("has no log to print in full, with exit code 3", async () => {
      const { exitCode, stderr } = await orchard("logs", "no-label", "--full");

      expect(stderr).toMatch(/there is no log of a failed step\. InvalidInput: .*No such label/);
      expect(exitCode).toBe(3);
    });

    it("has no page to open, with exit code 3", async () => {
      const { exitCode, stderr } = await orchard("results", "no-label", "--open");

      expect(stderr).toMatch(/The run no-label, which is \w+, has no report at s3:/);
      expect(exitCode).toBe(3);
    });
  });

  describe("orchard logs", () => {
    beforeAll(async () => {
      const { account, clients } = stage();
      const executionArn = await startExecution(stage(), "broken-plan", { mode: "inventory" });
      await clusterOf(stage(), "broken-plan");
      // Preflight has written the plan that the first step reads.
      const plan = { Bucket: account.bucket, Key: "runs/broken-plan/plan.json", Body: "{}" };
      await clients.s3.send(new PutObjectCommand(plan));
      const describe = new DescribeExecutionCommand({ executionArn });
      await waitUntil(async () => (await clients.sfn.send(describe)).status !== "RUNNING", { everyMs: 500 });
    }, allMs);

    it("is shown in docs/cli.md", () => stage().transcripts.play("logs"));

    it("prints the whole log with --full", async () => {
      const { lines, log, files } = await json("logs", "broken-plan");
      const { stdout } = await orchard("logs", "broken-plan", "--full");

      expect(files).toContainEqual({ uri: log, bytes: expect.any(Number) });
      for (const line of lines) expect(stdout).toContain(line);
      expect(stdout.split("\n").length).toBeGreaterThan(lines.length);
    });

    it("copies all logs of the cluster with --download", async () => {
      const { exitCode, stdout } = await orchard("logs", "broken-plan", "--download", "logs of it");

      expect(stdout).toMatch(/^\d+ logs \(.*\) in /);
      expect(readdirSync(join(stage().account.home, "logs of it"))).toContain("steps");
      expect(exitCode).toBe(0);
    });

    it("says that a run has succeeded, and lists its logs", async () => {
      const { stdout } = await orchard("logs", await finishedRun());

      expect(stdout).toMatch(/^run-\S+ SUCCEEDED, so there is no cause to look for\./);
      expect(stdout).toMatch(/ k?B +s3:\/\/.*\/steps\/.*\/stderr\.gz/);
    });
  });
}
