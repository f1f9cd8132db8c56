import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { json, orchard } from "../account/account-commands.ts";
import { allMs, refusedInput, type Stage, startExecution } from "./stage.ts";

/** After the run "nightly" was stopped in a step. */
export function redriveCases(stage: () => Stage): void {
  describe("orchard redrive", { timeout: allMs }, () => {
    it("is shown in docs/cli.md", async () => {
      await stage().transcripts.play("redrive");
      const { executions } = JSON.parse((await orchard("status", "--json")).stdout);
      for (const { name } of executions) await json("stop", name, "--yes");
    });

    it("lets a run go on that was stopped before it had a cluster, and follows it to its end", async () => {
      const executionArn = await startExecution(stage(), "aborted", refusedInput);
      await stage().clients.sfn.send(new StopExecutionCommand({ executionArn }));

      const { exitCode, stdout, stderr } = await orchard("redrive", "aborted");

      expect(stderr).toMatch(/aborted goes on: it was ABORTED in \w+, where it can go on\./);
      expect(stdout).toContain("aborted FAILED");
      expect(stderr).toMatch(/^InvalidInput: .*No such label/m);
      expect(exitCode).toBe(1);
    });
  });
}
