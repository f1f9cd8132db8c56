import { appendFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import {
  DescribeClusterCommand,
  ListClustersCommand,
  ListStepsCommand,
  SetTerminationProtectionCommand,
} from "@aws-sdk/client-emr";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { listObjects } from "../../../lambdas/aws/s3.ts";
import { waitUntil } from "../../../shared/wait-until.ts";
import { answerQuestion } from "../account/answer-question.ts";
import { createCluster } from "../account/clusters.ts";
import { makeImages } from "../account/empty-account.ts";
import { type EmbeddedAccount, startEmbeddedAccount } from "../account/started-account.ts";
import { cleanCases, cleanCasesOfRunningWork } from "./clean-cases.ts";
import { redriveCases } from "./redrive-cases.ts";
import { runCases } from "./run-cases.ts";

const allMs = 300_000;
let account: EmbeddedAccount;
let clients: Clients;

/** Runs a command on the embedded account as a person would. */
async function orchard(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [join(root, "cli", "main.ts"), ...args, "--local"],
    { reject: false, env: { ORCHARD_HOME: account.home, NO_COLOR: "1", INIT_CWD: account.home } },
  );
  return { exitCode, stdout, stderr };
}

function context() {
  return { account, clients, orchard, clusterOf };
}

async function startRun(name: string): Promise<void> {
  const { stateMachineArn } = account;
  await clients.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: '{"mode":"full"}' }));
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

/** Waits until the cluster runs a step: the run's state data names the cluster from then on. */
async function waitForStep(ClusterId: string): Promise<void> {
  const hasStep = async () => ((await clients.emr.send(new ListStepsCommand({ ClusterId }))).Steps ?? []).length > 0;
  expect(await waitUntil(hasStep, { timeoutMs: 120_000 }), "the cluster gets a step").toBe(true);
}

// One account serves all commands that end runs and clusters, `orchard run`, and the upload, which would change the images of other
// tests. The tests depend on their order.
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

cleanCasesOfRunningWork(context);

describe("orchard stop", { timeout: allMs }, () => {
  it("stops nothing when the person says no, with exit code 4", async () => {
    const { exitCode, stdout } = await answerQuestion(["stop", "first", "--local"], "Stop first, which is", "n\r", {
      PATH: process.env["PATH"] ?? "",
      ORCHARD_HOME: account.home,
    });

    expect(stdout).toContain("Nothing was stopped.");
    expect(exitCode).toBe(4);
    expect((await orchard("status")).stdout).toContain("orchard-first");
  });

  it("needs --yes without a terminal, with exit code 2", async () => {
    const { exitCode, stderr } = await orchard("stop", "first");

    expect(stderr).toContain("Confirm with --yes");
    expect(exitCode).toBe(2);
  });

  it("stops the run, waits until its cluster is gone, and says what stays", async () => {
    const id = await clusterOf("first");
    await waitForStep(id);

    const { exitCode, stdout, stderr } = await orchard("stop", "latest", "--yes");

    expect(stdout).toContain(`first is stopped; cluster ${id} is terminated.`);
    expect(stdout).toMatch(new RegExp(`Saved: \\d+ files? in s3://${account.bucket}/runs/first/`));
    expect(stdout).toContain("stay in the store");
    expect(stderr).toContain("first: ABORTED");
    expect(exitCode).toBe(0);
    expect((await orchard("status")).exitCode).toBe(0);
  });

  it("says that a run has ended already, with exit code 0", async () => {
    expect(await orchard("stop", "first")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("first has ended already: ABORTED."),
    });
  });

  it("prints the same as JSON", async () => {
    const { exitCode, stdout, stderr } = await orchard("stop", "fir", "--json");

    expect(JSON.parse(stdout)).toEqual({
      runId: "first",
      wasRunning: false,
      status: "ABORTED",
      endedClusters: [],
      aliveClusters: [],
      results: { uri: `s3://${account.bucket}/runs/first/`, files: expect.any(Number) },
    });
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  });

  it("names the nearest run for one that does not exist, with exit code 3", async () => {
    const { exitCode, stderr } = await orchard("stop", "frist", "--yes");

    expect(stderr).toContain("There is no run frist. Did you mean first?");
    expect(exitCode).toBe(3);
  });
});

redriveCases(context);

describe("orchard terminate", { timeout: allMs }, () => {
  let ours: string;
  let others: string;
  const stateOf = async (ClusterId: string) =>
    (await clients.emr.send(new DescribeClusterCommand({ ClusterId }))).Cluster?.Status?.State;
  beforeAll(async () => {
    [ours, others] = await Promise.all([
      createCluster(clients, "orchard-kept", { project: "orchard", "orchard:stack": "Orchard" }),
      createCluster(clients, "payroll", {}),
    ]);
  });

  it("terminates nothing when the person says no, with exit code 4", async () => {
    const { exitCode, stdout } = await answerQuestion(["terminate", ours, "--local"], "Terminate it?", "n\r", {
      PATH: process.env["PATH"] ?? "",
      ORCHARD_HOME: account.home,
    });

    expect(stdout).toContain(`Cluster ${ours} (orchard-kept) is `);
    expect(stdout).toContain("Nothing was terminated.");
    expect(exitCode).toBe(4);
    expect(await stateOf(ours)).not.toMatch(/^TERMINAT/);
  });

  it("refuses a cluster that is not Orchard's, with exit code 2", async () => {
    const { exitCode, stderr } = await orchard("terminate", others, "--yes");

    expect(stderr).toContain(`Cluster ${others} (payroll) has no tag of Orchard`);
    expect(stderr).toContain("--force");
    expect(exitCode).toBe(2);
    expect(await stateOf(others)).not.toMatch(/^TERMINAT/);
  });

  it("names the nearest cluster for one that does not exist, with exit code 3", async () => {
    const { exitCode, stdout, stderr } = await orchard("terminate", ours.slice(0, -1), "--yes");

    expect(stderr).toContain(
      `There is no cluster ${ours.slice(0, -1)} in this account and region. Did you mean ${ours}?`,
    );
    expect(stdout).toBe("");
    expect(exitCode).toBe(3);
  });

  it("terminates one of Orchard's in spite of its protection, and waits until it is gone", async () => {
    const { exitCode, stdout } = await orchard("terminate", ours, "--yes");

    expect(stdout).toBe(`Cluster ${ours} (orchard-kept) is gone: TERMINATED.`);
    expect(exitCode).toBe(0);
    expect(await stateOf(ours)).toBe("TERMINATED");
  });

  it("says as JSON that it was gone already", async () => {
    const { exitCode, stdout, stderr } = await orchard("terminate", ours, "--json");

    expect(JSON.parse(stdout)).toEqual({ id: ours, name: "orchard-kept", state: "TERMINATED", wasAlive: false });
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  });

  it("leaves the protection of another's cluster alone, and terminates it with --force without one", async () => {
    const refused = await orchard("terminate", others, "--yes", "--force");
    await clients.emr.send(new SetTerminationProtectionCommand({ JobFlowIds: [others], TerminationProtected: false }));
    const { exitCode, stdout } = await orchard("terminate", others, "--yes", "--force", "--json");

    expect(refused.stderr).toContain("it has termination protection");
    expect(refused.exitCode).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ id: others, name: "payroll", state: "TERMINATED", wasAlive: true });
    expect(exitCode).toBe(0);
  });
});

runCases(() => ({ account, orchard }));

describe("orchard upload", { timeout: allMs }, () => {
  /** A few images, in the folder in which the person is. */
  const photos = () => join(account.home, "photos");
  const upload = (...args: readonly string[]) => orchard("upload", ...args);
  const uploadJson = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await upload(...args, "--json");
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  };
  const stored = async (prefix: string) =>
    listObjects(clients.s3, { bucket: account.bucket, key: `data/raw/${prefix}` });
  beforeAll(async () => {
    await makeImages(photos(), 5);
    symlinkSync("nowhere", join(photos(), "Training", "Apple 0", "gone.jpg"));
  });

  it("says with --dry-run what it would do, and does nothing", async () => {
    const { exitCode, stdout, stderr } = await upload("photos", "--dry-run");

    expect(stdout).toMatch(
      /^Nothing was done\. 5 of 5 images \(.*\) would be uploaded to s3:\/\/.*\/data\/raw\/; 0 are there already, \d+ others/,
    );
    expect(stderr).toBe('Left out: 1 file, cannot be read: "Training/Apple 0/gone.jpg"');
    expect(exitCode).toBe(0);
    expect(await stored("Training/Apple 0/")).toEqual([]);
  });

  it("uploads what is new or changed, and leaves the images of others", async () => {
    const first = await upload("photos");
    appendFileSync(join(photos(), "Training", "Apple 0", "0_100.jpg"), "more");
    const second = await uploadJson("photos");

    expect(first.stdout).toMatch(/^5 images \(.*\) in s3:\/\/.*: 5 uploaded, 0 there already, \d+ others stay/);
    expect(first.exitCode).toBe(0);
    expect(second).toMatchObject({ folder: photos(), layout: "split/label", images: 5, uploaded: 1, unchanged: 4 });
    expect((await stored("Training/Banana/")).length).toBeGreaterThan(0);
  });

  it("removes what the folder does not have with --delete", async () => {
    rmSync(join(photos(), "Training", "Apple 1"), { recursive: true });

    expect(await uploadJson("photos", "--delete")).toMatchObject({ images: 3, uploaded: 0, others: 0 });
    expect(await stored("")).toHaveLength(3);
  });

  it("refuses a folder above the tree with the command that works, with exit code 2", async () => {
    const { exitCode, stdout, stderr } = await upload(".");

    expect(stderr).toContain("has 0 images at <split>/<label>/<image> or <label>/<image>, and more below");
    expect(stderr).toContain(`\n  orchard upload --local ${photos()}\n    3 images as <split>/<label>/<image>`);
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
    expect(await stored("")).toHaveLength(3);
  });

  it("leaves whole objects at Ctrl-C, and goes on when it is started again", async () => {
    // The sample without its splits are about 1,000 new keys.
    const args = ["upload", "sample/Training", "--local"];
    const before = (await stored("")).length;
    const env = { PATH: process.env["PATH"] ?? "", ORCHARD_HOME: account.home, INIT_CWD: account.home };
    const { exitCode, stdout } = await answerQuestion(args, " images · ", "\u0003", env);

    const [, count = "", all] =
      /Interrupted: (\d+) of (\d+) images were uploaded, each of them whole/.exec(stdout) ?? [];
    expect(stdout).toContain("To go on: orchard upload sample/Training --local");
    expect(exitCode).toBe(130);
    const again = await uploadJson("sample/Training");
    expect(again.unchanged).toBeGreaterThanOrEqual(Number(count));
    expect(again.unchanged).toBeLessThan(Number(all));
    expect(again.uploaded + again.unchanged).toBe(Number(all));
    expect(await stored("")).toHaveLength(before + Number(all));
  });
});

// These delete what the other tests have made.
cleanCases(context);
