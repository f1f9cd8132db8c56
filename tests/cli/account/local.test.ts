import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { isAlive } from "../../../shared/os-processes.mjs";
import { answerQuestion } from "./answer-question.ts";
import { createCluster } from "./clusters.ts";
import { type EmbeddedAccount, startEmbeddedAccount } from "./started-account.ts";

const startMs = 120_000;

// One account serves all commands, so the tests depend on their order.
describe("orchard local", { timeout: startMs }, () => {
  let account: EmbeddedAccount;
  let pid: number;
  /** A cluster that runs in the account. */
  let cluster: string;
  beforeAll(async () => {
    account = await startEmbeddedAccount();
  }, startMs);
  afterAll(() => account.stop(), startMs);

  const orchard = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await execa(process.execPath, [join(root, "cli", "main.ts"), ...args], {
      reject: false,
      env: { ORCHARD_HOME: account.home, NO_COLOR: "1" },
    });
    return { exitCode, stdout, stderr };
  };

  const consoleLink = /http:\/\/127\.0\.0\.1:\d+\/_orchard\/console#\/\?key=[\w-]{43}/;

  it("prints the environment variables, the stack's outputs and the console's link", () => {
    expect(account.env).toMatchObject({
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_REGION: expect.any(String),
      AWS_ACCESS_KEY_ID: expect.any(String),
      AWS_SECRET_ACCESS_KEY: expect.any(String),
    });
    expect(account.console).toMatch(consoleLink);
    expect(account.stateMachineArn).toContain(`arn:aws:states:${account.env["AWS_REGION"]}:000000000000:stateMachine:`);
  });

  it("is reused by the next command, without another deployment or upload", async () => {
    const { stdout, exitCode } = await orchard("local", "--json");

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ endpoint: account.endpoint, bucket: account.bucket });
  });

  it("refuses another port while it runs, with exit code 2", async () => {
    const { stderr, exitCode } = await orchard("start", "--port", "4759", "--json");

    expect(stderr).toContain(`already runs on ${account.endpoint}`);
    expect(exitCode).toBe(2);
  });

  it("is shown by status, with what runs in it", async () => {
    expect(await orchard("local", "status")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        new RegExp(
          `^ Account +${account.endpoint}\n Console +${consoleLink.source}\n Process +\\d+\n Folder .*\n Running +nothing$`,
        ),
      ),
    });
    cluster = await createCluster(createClients(account.env), "orchard-kept", { project: "orchard" });
    const { stdout, stderr, exitCode } = await orchard("local", "status", "--json");

    const found = JSON.parse(stdout);
    ({ pid } = found);
    expect(found).toEqual({
      running: true,
      endpoint: account.endpoint,
      pid: expect.any(Number),
      console: expect.stringMatching(consoleLink),
      folder: join(account.home, "account"),
      executions: [],
      clusters: [expect.objectContaining({ id: cluster, name: "orchard-kept" })],
    });
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  });

  it("is not reset while it runs, with exit code 2", async () => {
    const { stderr, exitCode } = await orchard("local", "reset", "--yes");

    expect(stderr).toBe(`✖ The account runs on ${account.endpoint}. End it first: orchard local down`);
    expect(exitCode).toBe(2);
  });

  it("is not ended with a cluster unless somebody confirms it, with exit code 2 without a terminal", async () => {
    const { stderr, exitCode } = await orchard("local", "down");

    expect(stderr).toContain("Confirm with --yes");
    expect(exitCode).toBe(2);
  });

  it("goes on when the person says no, with exit code 4", async () => {
    const env = { PATH: process.env["PATH"] ?? "", ORCHARD_HOME: account.home };
    const { stdout, exitCode } = await answerQuestion(["local", "down"], "End the account", "n\r", env);

    expect(stdout).toContain(`cluster ${cluster} (orchard-kept) is `);
    expect(stdout).toContain("The account goes on.");
    expect(exitCode).toBe(4);
  });

  it("is not taken for ended while it does not answer, with exit code 2", async () => {
    process.kill(pid, "SIGSTOP");
    const { stderr, exitCode } = await orchard("local", "down", "--yes");
    process.kill(pid, "SIGCONT");

    expect(stderr).toMatch(/^✖ Another process is starting or stopping the embedded account of .*try again\.$/);
    expect(exitCode).toBe(2);
  });

  it("is gone after down, which then finds no account", async () => {
    expect(await orchard("local", "down", "--yes")).toMatchObject({ exitCode: 0, stdout: "The account has stopped." });

    expect(isAlive(pid)).toBe(false);
    await expect(fetch(account.endpoint)).rejects.toThrow();
    expect((await orchard("local", "down")).stdout).toBe("No account is running.");
    expect(await orchard("local", "status")).toMatchObject({
      exitCode: 3,
      stdout: "No account runs here. Start it: orchard local up",
    });
  });

  it("goes on after up --detach, with its state, until down", async () => {
    const port = new URL(account.endpoint).port;
    const { stdout, exitCode } = await orchard("local", "up", "--detach", "--json", "--port", port);

    expect(JSON.parse(stdout)).toMatchObject({ endpoint: account.endpoint, bucket: account.bucket });
    expect(exitCode).toBe(0);
    expect(JSON.parse((await orchard("local", "down", "--json")).stdout)).toEqual({
      wasRunning: true,
      endpoint: account.endpoint,
      pid: expect.any(Number),
    });
  });

  it("loses its state by reset, which asks", async () => {
    const folder = join(account.home, "account");
    const unconfirmed = await orchard("local", "reset");
    expect(unconfirmed.stderr).toContain("Confirm with --yes");
    expect(unconfirmed.exitCode).toBe(2);
    expect(existsSync(folder)).toBe(true);

    expect((await orchard("local", "reset", "--yes")).stdout).toBe(`Deleted: ${folder}`);
    expect(readdirSync(account.home)).toEqual(["sample"]);
    expect(JSON.parse((await orchard("local", "reset", "--json")).stdout)).toEqual({ folder, deleted: false });
  });
});
