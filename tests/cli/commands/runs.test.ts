import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { DescribeExecutionCommand, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { findCluster } from "../../../cli/execution/watch-execution.ts";
import { places, root } from "../../../cli/toolchain/places.ts";
import { waitUntil } from "../../../shared/wait-until.ts";
import { isDeep } from "../../deep.ts";
import { type EmbeddedAccount, startEmbeddedAccount } from "../account/started-account.ts";

const allMs = 300_000;
let account: EmbeddedAccount;
let runId: string;

const withoutDisplay = { DISPLAY: "", WAYLAND_DISPLAY: "", BROWSER: "" };

function startOrchard(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  // The folder that a person is in, when npm runs the command.
  const env = { ORCHARD_HOME: account.home, NO_COLOR: "1", INIT_CWD: account.home, ...more };
  return execa(process.execPath, [join(root, "cli", "main.ts"), ...args, "--local"], { reject: false, env });
}

/** Runs a command on the embedded account as a person would. */
async function orchard(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await startOrchard(args);
  return { exitCode, stdout, stderr };
}

async function json(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await orchard(...args, "--json");
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** Starts an execution as a schedule would. */
async function startExecution(name: string, input: unknown): Promise<string> {
  const { sfn } = createClients(account.env);
  const { stateMachineArn } = account;
  const start = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
  return (await sfn.send(start)).executionArn ?? "";
}

/** Records the labels that are plotted. The project's Python has no Matplotlib, which the notebook's own has. */
const pyplot = `
import sys
from unittest.mock import MagicMock

figure, axes = MagicMock(), MagicMock()
plt = sys.modules[__name__] = MagicMock()
plt.subplots.return_value = figure, axes
plt.get_cmap.return_value = lambda shares: shares
show = lambda: axes.scatter.called and print("plotted:", ", ".join(call.kwargs["label"] for call in axes.scatter.mock_calls))
plt.show = show
`;

/** Runs the code of a notebook's cells as one script, in the notebook's folder. @returns what they print */
async function runNotebook(path: string): Promise<string> {
  const modules = join(account.home, "modules");
  mkdirSync(join(modules, "matplotlib"), { recursive: true });
  writeFileSync(join(modules, "matplotlib", "pyplot.py"), pyplot);
  const { cells } = JSON.parse(readFileSync(path, "utf8"));
  const code = cells.filter((cell: { readonly cell_type: string }) => cell.cell_type === "code");
  const input = code.map(({ source }: { readonly source: string }) => source).join("\n");
  const options = { cwd: dirname(path), env: { PYTHONPATH: modules }, input };
  return (await execa(join(places.python, "bin", "python"), ["-"], options)).stdout;
}

// One account with one finished run serves all commands that look at runs.
beforeAll(async () => {
  account = await startEmbeddedAccount();
  ({ runId } = await json("run", "--mode", "mini", "--limit", "6", "--components", "2"));
}, allMs);
afterAll(() => account.stop(), allMs);

describe("orchard list", () => {
  it("shows each run with its outcome, images, minutes and cost", async () => {
    const { exitCode, stdout } = await orchard("list");

    const [head = "", row = ""] = stdout.split("\n");
    expect(head.trim().split(/\s{2,}/)).toEqual(["RUN", "OUTCOME", "MODE", "IMAGES", "MINUTES", "ON AWS", "STARTED"]);
    expect(row).toMatch(
      new RegExp(`^ ${runId}  SUCCEEDED  mini  6 +\\d+\\.\\d +\\d+\\.\\d\\d USD  \\d{4}-\\d\\d-\\d\\d `),
    );
    expect(exitCode).toBe(0);
  });

  it("prints the same as JSON", async () => {
    const { runs, more } = await json("list", "--limit", "1");

    expect(runs).toEqual([
      expect.objectContaining({
        runId,
        status: "SUCCEEDED",
        mode: "mini",
        images: 6,
        usd: null,
        quotedUsd: expect.any(Number),
      }),
    ]);
    expect(more).toBe(false);
  });

  it("refuses --billed, because nothing is billed on this machine, with exit code 2", async () => {
    const { exitCode, stdout, stderr } = await orchard("list", "--billed");

    expect(stderr).toContain("Nothing is billed for the account on this machine. Leave --billed out.");
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });

  it("refuses a limit that is no number, with exit code 2", async () => {
    const { exitCode, stderr } = await orchard("list", "--limit", "all");

    expect(stderr).toContain('--limit must be a whole number of 1 or more, not "all"');
    expect(exitCode).toBe(2);
  });
});

describe("orchard show", () => {
  it("describes the latest run with its input, states, results and cost", async () => {
    const { exitCode, stdout } = await orchard("show", "latest");

    expect(stdout).toContain(`${runId} SUCCEEDED`);
    for (const state of ["Preflight", "ExtractFeatures", "NotifySuccess"]) expect(stdout).toContain(state);
    expect(stdout).toContain('{"mode":"mini","limit":6,"pca":{"components":2}}');
    // Nothing is spent on this machine.
    expect(stdout).toContain(`orchard results ${runId} --open --local`);
    expect(stdout).toMatch(/On AWS +\d+\.\d\d USD quoted/);
    expect(stdout).not.toMatch(/ Cost /);
    // The console of AWS does not know this run.
    expect(stdout).toMatch(/Console +http:\/\/127\.0\.0\.1:\d+\/_orchard\/console#\/executions\/arn:aws:states:/);
    expect(stdout).not.toContain("console.aws");
    expect(exitCode).toBe(0);
  });

  it("prints the same as JSON, for the beginning of the run's name", async () => {
    expect(await json("show", runId.slice(0, -1))).toMatchObject({
      runId,
      status: "SUCCEEDED",
      images: 6,
      components: 2,
      error: null,
      input: { mode: "mini" },
      cost: { actualUsd: expect.any(Number) },
      page: expect.stringMatching(/^s3:.*\/report\/report\.html$/),
      links: [expect.stringContaining("/_orchard/console#/executions/")],
    });
  });

  it("names the nearest run for one that does not exist, with exit code 3", async () => {
    const { exitCode, stdout, stderr } = await orchard("show", "run-2020");

    expect(stderr).toContain(`There is no run run-2020. Did you mean ${runId}?`);
    expect(stdout).toBe("");
    expect(exitCode).toBe(3);
  });
});

describe("orchard watch", () => {
  it("shows the end of a run that is over at once", async () => {
    const { exitCode, stdout, stderr } = await orchard("watch", runId);

    expect(stdout).toContain(`${runId} SUCCEEDED`);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  });

  it("follows a run that somebody else has started to its end, and prints the report as JSON", async () => {
    await startExecution("nothing-new", { mode: "mini", limit: 6, pca: { components: 2 } });

    expect(await json("watch", "nothing-new")).toMatchObject({
      runId: "nothing-new",
      status: "SUCCEEDED",
      reusedRun: expect.stringContaining(runId),
    });
  });

  it("ends with exit code 1 when the run fails, and says why", async () => {
    await startExecution("no-label", { mode: "single-class", label: "No such label" });

    const { exitCode, stdout, stderr } = await orchard("watch", "no-label");

    expect(stdout).toContain("no-label FAILED");
    expect(stderr).toMatch(/InvalidInput: .*No such label/);
    expect(exitCode).toBe(1);
  });

  it("leaves the run alone when Ctrl-C ends the watching, and says how to stop it", async () => {
    const { sfn } = createClients(account.env);
    const executionArn = await startExecution("goes-on", { mode: "inventory" });
    const watching = startOrchard(["watch", "goes-on"]);
    const lines = createInterface({ input: watching.stderr });
    for (let line = ""; !line.includes("Preflight"); ) [line] = await once(lines, "line");

    watching.kill("SIGINT");

    const { exitCode, stderr } = await watching;
    expect(stderr).toContain("goes-on goes on. Follow it: orchard watch goes-on · stop it: orchard stop goes-on");
    expect(exitCode).toBe(130);
    expect((await sfn.send(new DescribeExecutionCommand({ executionArn }))).status).toBe("RUNNING");
    await sfn.send(new StopExecutionCommand({ executionArn }));
  });
});

describe("orchard connect", () => {
  it("shows Spark's history of a run whose cluster has ended, until Ctrl-C", async () => {
    const connection = startOrchard(["connect", runId, "--json"]);
    if (!connection.stdout) throw new Error("The process has no standard output pipe");
    const [line] = await once(createInterface({ input: connection.stdout }), "line");

    const { url, clusterId } = JSON.parse(String(line));
    const applications = JSON.parse(await (await fetch(`${url}/api/v1/applications`)).text());

    expect(clusterId).toMatch(/^j-/);
    expect(applications.map(({ name }: { readonly name: string }) => name).sort()).toEqual([
      "orchard features",
      "orchard inventory",
      "orchard reduction",
    ]);
    connection.kill("SIGINT");
    expect((await connection).exitCode).toBe(130);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });
});

describe("orchard results", () => {
  it("copies the latest success to the folder of the person, and shows the PCA and the variance", async () => {
    const { exitCode, stdout, stderr } = await orchard("results", runId);

    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^\d+ files \([\d.]+ kB\) in /);
    expect(stdout).toMatch(/ IMAGE +LABEL +PC1 +PC2\n Training\/Apple /);
    expect(stdout).toMatch(/ COMPONENT +VARIANCE +TOGETHER\n PC1 +\d+\.\d\d % /);
    expect(existsSync(join(account.home, "results", runId, "manifest.json"))).toBe(true);
  });

  it("copies one format, prints the same as JSON, and copies nothing twice", async () => {
    const csvOf = () => json("results", runId, "--format", "csv", "--output", "csv only");
    const { files } = await csvOf();

    expect(await csvOf()).toMatchObject({
      runId,
      folder: join(account.home, "csv only"),
      files,
      unchanged: files,
      rows: Array(5).fill({
        path: expect.stringMatching(/^s3:/),
        label: expect.stringMatching(/^Apple/),
        components: [expect.any(Number), expect.any(Number)],
      }),
      variance: [expect.objectContaining({ component: 1 }), expect.objectContaining({ component: 2 })],
    });
    expect(readdirSync(join(account.home, "csv only", "pca"))).toEqual(["csv"]);
  });

  it("copies the page about the run, and opens it in the browser", async () => {
    const page = join(account.home, "open", "report", "report.html");
    const opened = join(account.home, "opened.txt");
    const browser = join(account.home, "browser");
    writeFileSync(browser, `#!/bin/sh\necho "$1" > '${opened}'\n`, { mode: 0o755 });
    const open = ["results", runId, "--open", "--output", "open"];

    expect((await startOrchard(open, withoutDisplay)).stdout).toBe(
      `There is no display here. Open it in a browser: ${page}`,
    );
    expect((await startOrchard(open, { ...withoutDisplay, BROWSER: browser })).stdout).toBe(
      `Opening in the browser: ${page}`,
    );

    await expect.poll(() => existsSync(opened) && readFileSync(opened, "utf8"), { timeout: 10_000 }).toBe(`${page}\n`);
    expect(readFileSync(page, "utf8")).toContain('id="data"');
    expect(readdirSync(join(account.home, "open", "report"))).toEqual(["report.html"]);
    expect(await json(...open)).toEqual({ runId, page });
  });

  it("says with exit code 3 that a run which was refused has left nothing, and no report", async () => {
    await startExecution("refused", { mode: "single-class", label: "No such label" });

    const { exitCode, stdout, stderr } = await orchard("results", "refused");
    const opened = await orchard("results", "refused", "--open");

    expect(stderr).toContain("The run refused has left nothing at s3://");
    expect(stdout).toBe("");
    expect(exitCode).toBe(3);
    expect(opened.stderr).toMatch(/The run refused, which is \w+, has no report at s3:/);
    expect(opened.exitCode).toBe(3);
  });

  it("so has no cluster to connect to", async () => {
    const { exitCode, stderr } = await orchard("connect", "refused");

    expect(stderr).toContain("The run refused has no cluster.");
    expect(exitCode).toBe(3);
  });
});

describe("orchard notebook", () => {
  it("writes a notebook whose cells show the run's results, from either format", async () => {
    const { exitCode, stdout, stderr } = await orchard("notebook", runId, "--no-open");

    expect(exitCode, stderr).toBe(0);
    expect(stdout).toBe(`${runId}.ipynb`);
    const shown = await runNotebook(join(account.home, stdout.trim()));
    expect(shown).toMatch(/^6 images of \d labels, 2 components\n/);
    expect(shown).toMatch(/\nplotted: (Apple .*, ){5}Apple .*\nNearest to Training\/Apple /);
    expect(shown).toMatch(/\nSame label as the nearest image: \d+% of 6 images, by chance \d+%$/);
    rmSync(join(account.home, "results", runId, "pca", "parquet"), { recursive: true });
    expect(await runNotebook(join(account.home, stdout.trim()))).toBe(shown);
  });

  it("prints the same as JSON, and leaves the notebook alone that is there", async () => {
    expect(await json("notebook", runId, "--no-open")).toEqual({
      runId,
      notebook: join(account.home, `${runId}.ipynb`),
      results: join(account.home, "results", runId),
      written: false,
      url: null,
    });
  });

  it("refuses to replace a file that is not the run's notebook, with exit code 2", async () => {
    const manifest = join("results", runId, "manifest.json");
    const { exitCode, stdout, stderr } = await orchard("notebook", runId, "--output", manifest);

    expect(stderr).toContain(`${manifest} is not the notebook of ${runId}`);
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });

  it.runIf(isDeep)("runs the cells in JupyterLab, and serves it until Ctrl-C", async () => {
    const opened = startOrchard(["notebook", runId, "--output", "opened.ipynb", "--json"]);
    if (!opened.stdout) throw new Error("The process has no standard output pipe");
    const [line] = await once(createInterface({ input: opened.stdout }), "line");

    const { url, notebook } = JSON.parse(String(line));
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(`${new URL(url).origin}/api/contents`)).status).toBe(403);
    expect(readFileSync(notebook, "utf8")).toMatch(/"image\/png"[\s\S]*Same label as the nearest image/);
    opened.kill("SIGINT");
    expect((await opened).exitCode).toBe(130);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });
});

describe("orchard compare", () => {
  it("compares a run with one that was refused, as a table, as JSON and as a page", async () => {
    const shown = await orchard("compare", "refused", runId);
    const compared = await json("compare", "refused", runId, "--output", "pages/compared.html");

    expect(shown.exitCode, shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(/^ Images +– +6$/m);
    expect(compared).toMatchObject({
      runs: [{ runId: "refused" }, { runId, images: 6, components: 2 }],
      variance: [{ component: 1, explained: [null, expect.any(Number)] }, { component: 2 }],
      images: null,
      missing: ["refused has no explained variance", "The images of refused are not known: it has no plan"],
      page: join(account.home, "pages", "compared.html"),
    });
    expect(readFileSync(compared.page, "utf8")).toContain('id="data"');
  });

  it("refuses to compare a run with itself, with exit code 2", async () => {
    const { exitCode, stderr } = await orchard("compare", runId, runId.slice(0, -1));

    expect(stderr).toContain(`Both are ${runId}. Name two runs: orchard list`);
    expect(exitCode).toBe(2);
  });
});

describe("orchard logs", () => {
  beforeAll(async () => {
    const clients = createClients(account.env);
    const executionArn = await startExecution("broken-plan", { mode: "inventory" });
    await waitUntil(
      async () => (await findCluster(clients, { runId: "broken-plan", arn: executionArn })) !== undefined,
      {
        everyMs: 500,
      },
    );
    // Preflight has written the plan that the first step reads.
    const plan = { Bucket: account.bucket, Key: "runs/broken-plan/plan.json", Body: "{}" };
    await clients.s3.send(new PutObjectCommand(plan));
    const describe = new DescribeExecutionCommand({ executionArn });
    await waitUntil(async () => (await clients.sfn.send(describe)).status !== "RUNNING", { everyMs: 500 });
  }, allMs);

  it("shows the cause of a failed step, and the lines around it", async () => {
    const { exitCode, stdout, stderr } = await orchard("logs");

    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/ Cause +States.TaskFailed: .*broken-plan\/plan.json is not a plan/);
    expect(stdout).toMatch(/\n State +Inventory\n/);
    expect(stdout).toMatch(/\n Log +s3:\/\/.*\/stderr\.gz\n/);
    expect(stdout).toMatch(/\n> orchard: error: .* is not a plan/);
  });

  it("prints the same as JSON, and the whole log with --full", async () => {
    const { lines, ...rest } = await json("logs", "broken-plan");
    const { stdout } = await orchard("logs", "broken-plan", "--full");

    expect(rest).toMatchObject({ runId: "broken-plan", status: "FAILED", state: "Inventory" });
    expect(rest.files).toContainEqual({ uri: rest.log, bytes: expect.any(Number) });
    for (const line of lines) expect(stdout).toContain(line);
    expect(stdout.split("\n").length).toBeGreaterThan(lines.length);
  });

  it("copies all logs of the cluster with --download", async () => {
    const { exitCode, stdout } = await orchard("logs", "broken-plan", "--download", "logs of it");

    expect(stdout).toMatch(/^\d+ logs \(.*\) in /);
    expect(readdirSync(join(account.home, "logs of it"))).toContain("steps");
    expect(exitCode).toBe(0);
  });

  it("says that a run has succeeded, and lists its logs", async () => {
    const { stdout } = await orchard("logs", runId);

    expect(stdout).toContain(`${runId} SUCCEEDED, so there is no cause to look for.`);
    expect(stdout).toMatch(/ k?B +s3:\/\/.*\/steps\/.*\/stderr\.gz/);
  });

  it("has nothing to print in full or to download of a run without a cluster, with exit code 3", async () => {
    const whole = await orchard("logs", "no-label", "--full");
    const download = await orchard("logs", "no-label", "--download", "nothing");

    expect([whole.exitCode, download.exitCode]).toEqual([3, 3]);
    expect(whole.stderr).toMatch(/there is no log of a failed step\. InvalidInput: .*No such label/);
    expect(download.stderr).toContain("The run no-label had no cluster, so it has no logs.");
  });
});

describe("orchard plan", () => {
  it("says what a run would do and cost, and creates nothing", async () => {
    const before = (await json("list")).runs.length;

    const { exitCode, stdout, stderr } = await orchard("plan", "--mode", "mini", "--limit", "8", "--components", "2");

    expect(stderr).toBe("");
    expect(stdout).toMatch(/Images +8 of \d+ labels/);
    expect(stdout).toMatch(/Steps +Inventory, ExtractFeatures, ReduceDimensions/);
    expect(stdout).toMatch(/Cost +\d+\.\d\d USD, at most \d+\.\d\d USD/);
    expect(exitCode).toBe(0);
    expect((await json("list")).runs).toHaveLength(before);
  });

  it("names the earlier run whose results answer the same input", async () => {
    const plan = await json("plan", "--mode", "mini", "--limit", "6", "--components", "2");

    expect(plan.reuse.run).toContain(runId);
    expect(plan.steps.any).toBe(false);
  });

  it("refuses what Preflight refuses, with exit code 2", async () => {
    const { exitCode, stdout, stderr } = await orchard("plan", "--mode", "single-class", "--label", "Aple");

    expect(stderr).toContain("Aple");
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });
});

describe("orchard doctor", () => {
  it("finds an account ready in which a run has succeeded", async () => {
    const { ok, checks } = await json("doctor");

    expect(checks.filter((check: { ok: boolean; isWarning?: boolean }) => !check.ok && !check.isWarning)).toEqual([]);
    expect(ok).toBe(true);
  });
});
