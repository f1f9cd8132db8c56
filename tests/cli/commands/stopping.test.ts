import { join } from "node:path";
import { ListClustersCommand } from "@aws-sdk/client-emr";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { waitUntil } from "../../../shared/wait-until.ts";
import { type EmbeddedAccount, startEmbeddedAccount } from "../account/started-account.ts";

const allMs = 300_000;
let account: EmbeddedAccount;
let clients: Clients;

/** Runs a command on the embedded account as a person would. */
async function orchard(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [join(root, "cli", "main.ts"), ...args, "--local"],
    { reject: false, env: { ORCHARD_HOME: account.home, NO_COLOR: "1" } },
  );
  return { exitCode, stdout, stderr };
}

async function startRun(name: string): Promise<void> {
  const { stateMachineArn } = account;
  await clients.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: '{"mode":"inventory"}' }));
}

/** Waits for the cluster that a run creates. @returns its id */
async function clusterOf(run: string): Promise<string> {
  let id: string | undefined;
  const isThere = async (): Promise<boolean> => {
    const { Clusters = [] } = await clients.emr.send(new ListClustersCommand({}));
    id = Clusters.find(({ Name }) => Name === `orchard-${run}`)?.Id;
    return id !== undefined;
  };
  expect(await waitUntil(isThere, { timeoutMs: 60_000 }), "the run creates a cluster").toBe(true);
  return id ?? "";
}

// One account serves all commands that end runs and clusters. The tests depend on their order.
beforeAll(async () => {
  account = await startEmbeddedAccount();
  clients = createClients(account.env);
}, allMs);
afterAll(() => account.stop(), allMs);

describe("orchard status", { timeout: allMs }, () => {
  it("finds nothing before the first run, with exit code 0", async () => {
    expect(await orchard("status")).toMatchObject({ exitCode: 0, stdout: "Nothing runs, and no cluster is alive." });
    expect(await orchard("status", "--json")).toMatchObject({ exitCode: 0, stdout: '{"executions":[],"clusters":[]}' });
  });

  it("shows a run and its cluster with instances, price and end, with exit code 1", async () => {
    await startRun("first");
    const id = await clusterOf("first");

    const { exitCode, stdout } = await orchard("status");

    const time = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d \\S+";
    expect(stdout).toMatch(/^ RUNNING +SINCE\n/);
    expect(stdout).toMatch(new RegExp(`^ first +${time}$`, "m"));
    expect(stdout).toMatch(/^ CLUSTER +STATE +INSTANCES +USD\/HOUR +AT MOST UNTIL +NAME$/m);
    const instances = "\\d \\S+ (ON_DEMAND|SPOT)(, \\d \\S+ (ON_DEMAND|SPOT))*";
    expect(stdout).toMatch(new RegExp(`^ ${id} +[A-Z]+ +${instances} +\\d+\\.\\d\\d +${time} +orchard-first$`, "m"));
    expect(exitCode).toBe(1);
  });

  it("prints the same as JSON", async () => {
    const { exitCode, stdout, stderr } = await orchard("status", "--json");

    expect(JSON.parse(stdout)).toMatchObject({
      executions: [{ name: "first", startedAt: expect.any(String) }],
      clusters: [
        {
          runId: "first",
          usdPerHour: expect.any(Number),
          until: expect.stringMatching(/Z$/),
          instances: expect.arrayContaining([{ type: expect.any(String), market: "ON_DEMAND", count: 1 }]),
        },
      ],
    });
    expect(stderr).toBe("");
    expect(exitCode).toBe(1);
  });
});
