import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";
import { isAlive } from "../../../shared/os-processes.mjs";
import { atTerminal, json, orchard } from "../account/account-commands.ts";
import { createCluster } from "../account/clusters.ts";
import { allMs, type Stage } from "./stage.ts";

/** Before the first run. */
export function runningLocalCases(stage: () => Stage): void {
  describe("orchard local", () => {
    it("prints the environment variables, the stack's outputs and the console's link", () => {
      const { account } = stage();
      expect(account.env).toMatchObject({
        AWS_ENDPOINT_URL: account.endpoint,
        AWS_REGION: expect.any(String),
        AWS_ACCESS_KEY_ID: expect.any(String),
        AWS_SECRET_ACCESS_KEY: expect.any(String),
      });
      expect(account.console).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/_orchard\/console#\/\?key=[\w-]{43}$/);
      const prefix = `arn:aws:states:${account.env["AWS_REGION"]}:000000000000:stateMachine:`;
      expect(account.stateMachineArn).toContain(prefix);
    });

    it("is reused by the next command, without another deployment or upload", async () => {
      const { stdout, exitCode } = await orchard("local", "--json");

      const { endpoint, bucket } = stage().account;
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ endpoint, bucket });
    });

    it("refuses another port while it runs, with exit code 2", async () => {
      const { stderr, exitCode } = await orchard("start", "--port", "4759", "--json");

      expect(stderr).toContain(`already runs on ${stage().account.endpoint}`);
      expect(exitCode).toBe(2);
    });
  });
}

/** These end the account. */
export function localCases(stage: () => Stage): void {
  describe("orchard local, at the end", { timeout: allMs }, () => {
    let pid: number;
    /** A cluster that runs in the account. */
    let cluster: string;
    beforeAll(async () => {
      const { clients, transcripts } = stage();
      cluster = await createCluster(clients, "orchard-kept", { project: "orchard" });
      transcripts.names.bind("j-1B7VQ2ZK0XW3M", cluster);
      ({ pid } = await json("local", "status"));
    });

    it("is not ended with a cluster unless somebody confirms it, with exit code 2 without a terminal", async () => {
      const { stderr, exitCode } = await orchard("local", "down");

      expect(stderr).toContain("Confirm with --yes");
      expect(exitCode).toBe(2);
    });

    it("goes on when the person says no, with exit code 4", async () => {
      const { stdout, exitCode } = await atTerminal(stage().account, ["local", "down"], ["End the account", "n\r"]);

      expect(stdout).toContain(`cluster ${cluster} (orchard-kept) is `);
      expect(stdout).toContain("The account goes on.");
      expect(exitCode).toBe(4);
    });

    it("is not taken for ended while it does not answer, with exit code 2", async () => {
      process.kill(pid, "SIGSTOP");
      const { stderr, exitCode } = await orchard("local", "down", "--yes");
      process.kill(pid, "SIGCONT");

      expect(stderr).toMatch(/^Another process is starting or stopping the embedded account of .*try again\.$/);
      expect(exitCode).toBe(2);
    });

    it("is gone after down, in docs/cli.md, and then cannot be ended", async () => {
      await stage().transcripts.play("local");

      expect(isAlive(pid)).toBe(false);
      await expect(fetch(stage().account.endpoint)).rejects.toThrow();
      expect((await orchard("local", "down")).stdout).toBe("No account is running.");
    });

    it("goes on after up --detach, with its state", async () => {
      const { endpoint, bucket, home } = stage().account;
      const { port } = new URL(endpoint);
      // The bucket has no images any more, and the generated sample would have a thousand.
      const options = ["--detach", "--json", "--port", port, "--dataset", join(home, "photos")];
      const up = [join(root, "cli", "main.ts"), "local", "up", ...options];
      const { stdout, exitCode } = await execa(process.execPath, up, { reject: false, env: { ORCHARD_HOME: home } });

      expect(JSON.parse(stdout)).toMatchObject({ endpoint, bucket });
      expect(exitCode).toBe(0);
    });

    it("loses its stack with the data by destroy --delete-data, in docs/cli.md", async () => {
      const { account, clients, transcripts } = stage();
      await transcripts.play("destroy");

      const { Buckets = [] } = await clients.s3.send(new ListBucketsCommand({}));
      expect(Buckets.map(({ Name }) => Name)).not.toContain(account.bucket);
      const { endpoint } = account;
      expect(await json("local", "down")).toEqual({ wasRunning: true, endpoint, pid: expect.any(Number) });
    });

    it("loses its state by reset, which asks", async () => {
      const { home } = stage().account;
      const folder = join(home, "account");
      const unconfirmed = await orchard("local", "reset");
      expect(unconfirmed.stderr).toContain("Confirm with --yes");
      expect(unconfirmed.exitCode).toBe(2);
      expect(existsSync(folder)).toBe(true);

      expect((await orchard("local", "reset", "--yes")).stdout).toBe(`Deleted: ${folder}`);
      expect(readdirSync(home).filter((name) => name.startsWith("account"))).toEqual([]);
      expect(await json("local", "reset")).toEqual({ folder, deleted: false });
    });
  });
}
