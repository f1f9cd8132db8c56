import { once } from "node:events";
import { createInterface } from "node:readline";
import { ListStepsCommand } from "@aws-sdk/client-emr";
import { DescribeExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { waitUntil } from "../../../shared/wait-until.ts";
import { atTerminal, json, orchard, startOrchard } from "../account/account-commands.ts";
import { cleanCasesOfRunningWork } from "./clean-cases.ts";
import { allMs, clusterOf, type Stage, startExecution } from "./stage.ts";

/** The run "nightly" is started, and stopped in a step. */
export function stopCases(stage: () => Stage): void {
  /** Waits until the cluster runs a step: the run's state data names the cluster from then on. */
  const waitForStep = async (ClusterId: string): Promise<void> => {
    const { emr } = stage().clients;
    const hasStep = async () => ((await emr.send(new ListStepsCommand({ ClusterId }))).Steps ?? []).length > 0;
    expect(await waitUntil(hasStep, { timeoutMs: 120_000, everyMs: 500 }), "the cluster gets a step").toBe(true);
  };

  describe("orchard status, without a run", () => {
    it("finds nothing, with exit code 0", async () => {
      expect(await orchard("status")).toMatchObject({ exitCode: 0, stdout: "Nothing runs, and no cluster is alive." });
      expect(await json("status")).toEqual({ executions: [], clusters: [] });
    });
  });

  describe("orchard watch of a running execution", { timeout: allMs }, () => {
    it("leaves the run alone at Ctrl-C, and says how to stop it", async () => {
      const executionArn = await startExecution(stage(), "nightly", { mode: "full" });
      const watching = startOrchard(stage().account, "watch", "nightly");
      const lines = createInterface({ input: watching.stderr });
      for (let line = ""; !line.includes("Preflight"); ) [line] = await once(lines, "line");

      watching.kill("SIGINT");

      const { exitCode, stderr } = await watching;
      expect(stderr).toContain("nightly goes on. Follow it: orchard watch nightly · stop it: orchard stop nightly");
      expect(exitCode).toBe(130);
      const { status } = await stage().clients.sfn.send(new DescribeExecutionCommand({ executionArn }));
      expect(status).toBe("RUNNING");
    });
  });

  describe("orchard status", { timeout: allMs }, () => {
    it("is shown in docs/cli.md", async () => {
      await clusterOf(stage(), "nightly");
      await stage().transcripts.play("status");
    });
  });

  cleanCasesOfRunningWork(stage);

  describe("orchard stop", { timeout: allMs }, () => {
    it("stops nothing when the person says no, with exit code 4", async () => {
      const { exitCode, stdout } = await atTerminal(
        stage().account,
        ["stop", "nightly"],
        ["Stop nightly, which is", "n\r"],
      );

      expect(stdout).toContain("Nothing was stopped.");
      expect(exitCode).toBe(4);
      expect((await orchard("status")).stdout).toContain("orchard-nightly");
    });

    it("needs --yes without a terminal, with exit code 2", async () => {
      const { exitCode, stderr } = await orchard("stop", "nightly");

      expect(stderr).toContain("Confirm with --yes");
      expect(exitCode).toBe(2);
    });

    it("is shown in docs/cli.md", async () => {
      await waitForStep(await clusterOf(stage(), "nightly"));
      await stage().transcripts.play("stop");
      expect((await orchard("status")).exitCode).toBe(0);
    });
  });
}
