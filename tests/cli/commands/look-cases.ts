import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { json, orchard, startOrchard } from "../account/account-commands.ts";
import { showInProcess } from "../terminal/in-process.ts";
import type { Outcome } from "../transcripts/transcripts.ts";
import { allMs, finishedRun, refusedInput, type Stage, startExecution } from "./stage.ts";

/** After the first run, which has 6 images and 2 components. */
export function lookCases(stage: () => Stage): void {
  /** Keeps Spark's history open until it has answered. */
  const connect = async (...args: readonly string[]): Promise<Outcome> => {
    if (args.includes("no-label")) return showInProcess(...args);
    const connection = startOrchard(stage().account, ...args);
    if (!connection.stdout) throw new Error("The process has no standard output pipe");
    const [line] = await once(createInterface({ input: connection.stdout }), "line");
    const { url } = JSON.parse(String(line));
    const applications = JSON.parse(await (await fetch(`${url}/api/v1/applications`)).text());
    connection.kill("SIGINT");
    const { exitCode } = await connection;
    expect(applications.map(({ name }: { readonly name: string }) => name).sort()).toEqual([
      "orchard features",
      "orchard inventory",
      "orchard reduction",
    ]);
    expect(exitCode).toBe(130);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
    return { exitCode, output: String(line) };
  };

  describe("docs/cli.md, after runs that had nothing to do", { timeout: allMs }, () => {
    beforeAll(async () => {
      await startExecution(stage(), "no-label", refusedInput);
      await startExecution(stage(), "nothing-new", { mode: "mini", limit: 6, pca: { components: 2 } });
    });

    it.each(["watch", "list", "show", "results", "compare"])("orchard %s", (command) =>
      stage().transcripts.play(command),
    );

    it("orchard connect", () => stage().transcripts.play("connect", connect));
  });

  describe("a run that has succeeded", () => {
    it("is shown by the beginning of its name, without a cost, and with the page of this machine", async () => {
      const { stdout } = await orchard("show", "nothing");

      expect(stdout).toContain("nothing-new SUCCEEDED");
      expect(stdout).not.toMatch(/ Cost /);
      expect(stdout).toMatch(/Console +http:\/\/127\.0\.0\.1:\d+\/_orchard\/console#\/executions\/arn:aws:states:/);
    });

    it("is not billed on this machine, with exit code 2", async () => {
      const { exitCode, stdout, stderr } = await orchard("list", "--billed");

      expect(stderr).toContain("Nothing is billed for the account on this machine. Leave --billed out.");
      expect(stdout).toBe("");
      expect(exitCode).toBe(2);
    });

    it("is copied with its manifest, in one format if one is named, and nothing twice", async () => {
      const { home } = stage().account;
      const runId = await finishedRun();
      expect(existsSync(join(home, "results", runId, "manifest.json"))).toBe(true);

      const { files, unchanged } = await json("results", runId, "--format", "csv", "--output", "csv");

      expect(unchanged).toBe(files);
      expect(readdirSync(join(home, "csv", "pca"))).toEqual(["csv"]);
    });

    it("is compared with another one in a page", async () => {
      const { page } = await json("compare", "no-label", await finishedRun(), "--output", "pages/compared.html");

      expect(page).toBe(join(stage().account.home, "pages", "compared.html"));
      expect(readFileSync(page, "utf8")).toContain('id="data"');
    });

    it("has a page, which results --open copies and opens in the browser", async () => {
      const { home } = stage().account;
      const page = join(home, "open", "report", "report.html");
      const opened = join(home, "opened.txt");
      const browser = join(home, "browser");
      writeFileSync(browser, `#!/bin/sh\necho "$1" > '${opened}'\n`, { mode: 0o755 });
      const runId = await finishedRun();
      const open = ["results", runId, "--open", "--output", "open"];

      for (const name of ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"]) vi.stubEnv(name, "");
      expect((await orchard(...open)).stdout).toBe(`There is no display here. Open it in a browser: ${page}`);
      vi.stubEnv("BROWSER", browser);
      expect((await orchard(...open)).stdout).toBe(`Opening in the browser: ${page}`);

      await expect
        .poll(() => existsSync(opened) && readFileSync(opened, "utf8"), { timeout: 120_000 })
        .toBe(`${page}\n`);
      expect(readFileSync(page, "utf8")).toContain('id="data"');
      expect(readdirSync(join(home, "open", "report"))).toEqual(["report.html"]);
      expect(await json(...open)).toEqual({ runId, page });
    });
  });
}
