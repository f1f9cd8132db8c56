import { DescribeExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import { executionArnPrefix } from "../../../lambdas/contract/arns.ts";
import { type Answer, answerQuestions } from "../account/answer-question.ts";
import type { EmbeddedAccount } from "../account/started-account.ts";

type Outcome = Promise<{ readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string }>;

/** The account of the file that calls the cases, and its helper. */
export interface Stage {
  readonly account: EmbeddedAccount;
  /** Runs a command on the account without a terminal. */
  readonly orchard: (...args: readonly string[]) => Outcome;
}

const down = "\u001b[B";
const ctrlC = "\u0003";

/**
 * Tests of `orchard run` that start no run, or end it. They share the account of the file that calls this.
 *
 * @param stage the account, once it has started
 */
export function runCases(stage: () => Stage): void {
  const atTerminal = (args: readonly string[], ...answers: readonly Answer[]) => {
    const env = { PATH: process.env["PATH"] ?? "", ORCHARD_HOME: stage().account.home, NO_COLOR: "1" };
    return answerQuestions(["run", ...args, "--local"], answers, env);
  };
  const runs = async (): Promise<readonly { readonly runId: string }[]> =>
    JSON.parse((await stage().orchard("list", "--json")).stdout).runs;
  const clients = (): Clients => createClients(stage().account.env);
  const statusOf = async (runId: string) => {
    const executionArn = `${executionArnPrefix(stage().account.stateMachineArn)}${runId}`;
    return (await clients().sfn.send(new DescribeExecutionCommand({ executionArn }))).status;
  };
  const end = (runId: string) => stage().orchard("stop", runId, "--yes");

  describe("orchard run", { timeout: 300_000 }, () => {
    it("asks before it spends more than the threshold, and starts nothing at a no, with exit code 4", async () => {
      const before = await runs();

      const { exitCode, stdout } = await atTerminal(
        ["--mode", "mini", "--confirm-above", "0"],
        ["Start a run in mode mini with 300 images", "n\r"],
      );

      expect(stdout).toMatch(/for about \d\.\d\d USD, at most \d\.\d\d USD\?/);
      expect(stdout).toContain("Nothing was started.");
      expect(exitCode).toBe(4);
      expect(await runs()).toEqual(before);
    });

    it("needs --yes above the threshold without a terminal, with exit code 2", async () => {
      const before = await runs();

      const { exitCode, stdout, stderr } = await stage().orchard("run", "--mode", "mini", "--confirm-above", "0.01");

      expect(stderr).toMatch(/This run would cost about \d\.\d\d USD.* Above 0\.01 USD .* Confirm with --yes/);
      expect(stdout).toBe("");
      expect(exitCode).toBe(2);
      expect(await runs()).toEqual(before);
    });

    it("refuses a wrong label with the nearest one before anything is started, with exit code 2", async () => {
      const before = await runs();

      const { exitCode, stderr } = await stage().orchard("run", "--mode", "single-class", "--label", "Kiwwi");

      expect(stderr).toMatch(/label: there is no "Kiwwi"\. Did you mean "Kiwi"/);
      expect(exitCode).toBe(2);
      expect(await runs()).toEqual(before);
    });

    it("starts a run that goes on with --detach and --yes, and prints it as JSON", async () => {
      const args = ["--mode", "inventory", "--confirm-above", "0", "--yes", "--detach", "--json"];
      const { exitCode, stdout, stderr } = await stage().orchard("run", ...args);

      const { runId, executionArn, input } = JSON.parse(stdout);
      expect(stderr).toBe("");
      expect(exitCode).toBe(0);
      expect(executionArn).toMatch(new RegExp(`:${runId}$`));
      expect(input).toEqual({ mode: "inventory" });
      expect(await statusOf(runId)).toBe("RUNNING");
      await end(runId);
    });

    it("offers the modes on a terminal with the minutes and the cost of each, mini first", async () => {
      const { exitCode, stdout } = await atTerminal(["--detach"], ["Which run?", "\r"]);

      const menu = stdout.slice(stdout.indexOf("Which run?"));
      expect(menu).toMatch(/❯ mini +300 images +\d+ min +\d\.\d\d USD/);
      for (const mode of ["inventory", "apples", "full"])
        expect(menu).toMatch(new RegExp(` ${mode} +[\\d,]+ images +\\d+ min +\\d\\.\\d\\d USD`));
      expect(menu).toMatch(/ single-class +asks for the label/);
      const [, runId = ""] = /(run-\S+) has started\. Follow it: orchard watch/.exec(stdout) ?? [];
      expect(exitCode).toBe(0);
      expect(await statusOf(runId)).toBe("RUNNING");
      await end(runId);
    });

    it("leaves the run running at the second Ctrl-C, and says so with exit code 130", async () => {
      const { exitCode, stdout } = await atTerminal(
        ["--mode", "inventory"],
        ["Preflight", ctrlC],
        ["Leave it running", ctrlC],
      );

      const [, runId = ""] = /(run-\S+) goes on\. Follow it: orchard watch/.exec(stdout) ?? [];
      expect(exitCode).toBe(130);
      expect(await statusOf(runId)).toBe("RUNNING");
      await end(runId);
    });

    it("stops the run and ends its cluster at Ctrl-C, if the person wants it", async () => {
      const { exitCode, stdout } = await atTerminal(
        ["--mode", "inventory"],
        ["CreateCluster", ctrlC],
        ["Leave it running", `${down}\r`],
      );

      const [, runId = ""] = /(run-\S+): ABORTED\. Its cluster is gone\./.exec(stdout) ?? [];
      expect(exitCode).toBe(130);
      expect(await statusOf(runId)).toBe("ABORTED");
      expect((await stage().orchard("status")).exitCode).toBe(0);
    });
  });
}
