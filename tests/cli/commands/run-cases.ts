import { DescribeExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { executionArnPrefix } from "../../../lambdas/contract/arns.ts";
import { atTerminal, json, orchard } from "../account/account-commands.ts";
import type { Answer } from "../account/answer-question.ts";
import { allMs, type Stage } from "./stage.ts";

const down = "\u001b[B";
const ctrlC = "\u0003";

/** Tests of `orchard run` that start no run, or end it. */
export function runCases(stage: () => Stage): void {
  const runAtTerminal = (args: readonly string[], ...answers: readonly Answer[]) =>
    atTerminal(stage().account, ["run", ...args], ...answers);
  const runs = async (): Promise<readonly { readonly runId: string }[]> => (await json("list")).runs;
  const statusOf = async (runId: string) => {
    const executionArn = `${executionArnPrefix(stage().account.stateMachineArn)}${runId}`;
    return (await stage().clients.sfn.send(new DescribeExecutionCommand({ executionArn }))).status;
  };
  const end = (runId: string) => orchard("stop", runId, "--yes");

  describe("orchard run", { timeout: allMs }, () => {
    it("asks before it spends more than the threshold, and starts nothing at a no, with exit code 4", async () => {
      const before = await runs();

      const { exitCode, stdout } = await runAtTerminal(
        ["--mode", "mini", "--confirm-above", "0"],
        ["Start a run in mode mini with 300 images", "n\r"],
      );

      expect(stdout).toMatch(/for about \d\.\d\d USD, at most \d\.\d\d USD\?/);
      expect(stdout).toContain("Nothing was started.");
      expect(exitCode).toBe(4);
      expect(await runs()).toEqual(before);
    });

    it("starts a run that goes on with --detach and --yes, and prints it as JSON", async () => {
      const args = ["--mode", "inventory", "--confirm-above", "0", "--yes", "--detach", "--json"];
      const { exitCode, stdout, stderr } = await orchard("run", ...args);

      const { runId, executionArn, input } = JSON.parse(stdout);
      expect(stderr).toBe("");
      expect(exitCode).toBe(0);
      expect(executionArn).toMatch(new RegExp(`:${runId}$`));
      expect(input).toEqual({ mode: "inventory" });
      expect(await statusOf(runId)).toBe("RUNNING");
      await end(runId);
    });

    it("offers the modes on a terminal, and leaves the run running at the second Ctrl-C, with exit code 130", async () => {
      const { exitCode, stdout } = await runAtTerminal(
        [],
        ["Which run?", `${down}\r`],
        ["Preflight", ctrlC],
        ["Leave it running", ctrlC],
      );

      expect(stdout).toMatch(/❯ mini +300 images +\d+ min +\d\.\d\d USD/);
      for (const mode of ["inventory", "apples", "full"])
        expect(stdout).toMatch(new RegExp(` ${mode} +[\\d,]+ images +\\d+ min +\\d\\.\\d\\d USD`));
      expect(stdout).toMatch(/ single-class +asks for the label/);
      const [, runId = ""] = /(run-\S+) goes on\. Follow it: orchard watch/.exec(stdout) ?? [];
      expect(exitCode).toBe(130);
      expect(await statusOf(runId)).toBe("RUNNING");
      await end(runId);
    });

    it("stops the run and ends its cluster at Ctrl-C, if the person wants it", async () => {
      const { exitCode, stdout } = await runAtTerminal(
        ["--mode", "inventory"],
        ["CreateCluster", ctrlC],
        ["Leave it running", `${down}\r`],
      );

      const [, runId = ""] = /(run-\S+): ABORTED\. Its cluster is gone\./.exec(stdout) ?? [];
      expect(exitCode).toBe(130);
      expect(await statusOf(runId)).toBe("ABORTED");
      expect((await orchard("status")).exitCode).toBe(0);
    });
  });
}
