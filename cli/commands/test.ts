import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { sparkEnvironment } from "../toolchain/local-spark.ts";
import { places, root } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";
import { runChecks } from "../toolchain/static-checks.ts";
import { add, type Counts, closingLine, countPytest, countVitest, none, withExit } from "../toolchain/test-counts.ts";

const TESTS = join(root, "tests");
const check = "check";
/** Kinds of API calls, as tests/e2e and tests/faults write them down. */
const calls = join(places.tests, "api-calls");
/** Each worker has an account and Spark with all cores: more of them want more memory than a laptop has. */
const maxPytestWorkers = 4;
function isVitest(file: string): boolean {
  return file.endsWith(".test.ts");
}
function isPytest(file: string): boolean {
  return /(^|\/)test_[^/]*\.py$/.test(file);
}

function suiteNames(): readonly string[] {
  return [
    check,
    ...readdirSync(TESTS, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("_"))
      .map(({ name }) => name)
      .sort(),
  ];
}

function foldersWith(suites: readonly string[], isTest: (file: string) => boolean): readonly string[] {
  return suites
    .filter((suite) => suite !== check)
    .filter((suite) => readdirSync(join(TESTS, suite), { recursive: true }).some((file) => isTest(String(file))))
    .map((suite) => `tests/${suite}`);
}

function readReport(path: string, count: (text: string) => Counts): Counts {
  return existsSync(path) ? count(readFileSync(path, "utf8")) : none;
}

export const command = new Command("test")
  .description("run the checks and all tests; the last line counts them together")
  .option("--only <suite...>", "these alone: check, or a folder of tests/")
  .action(async ({ only }) => {
    const all = suiteNames();
    const unknown = only?.filter((suite) => !all.includes(suite)) ?? [];
    if (unknown.length > 0) {
      throw new UsageError(`There is no suite ${unknown.join(", ")}. The suites are: ${all.join(", ")}.`);
    }
    const suites = only ?? all;
    await withLifetime((lifetime) => runSuites(lifetime, suites));
  });

async function runSuites(lifetime: Lifetime, suites: readonly string[]): Promise<void> {
  rmSync(places.tests, { recursive: true, force: true });
  mkdirSync(places.tests, { recursive: true });

  let counts = none;
  if (suites.includes(check)) {
    for (const { failed } of await runChecks(lifetime)) {
      counts = add(counts, { passed: failed ? 0 : 1, failed: failed ? 1 : 0, skipped: 0 });
    }
  }
  counts = add(counts, await runVitest(lifetime, foldersWith(suites, isVitest)));
  counts = add(counts, await runPytest(lifetime, foldersWith(suites, isPytest)));
  counts = add(counts, await judgeCalls(lifetime, suites.length === suiteNames().length && counts.failed === 0));
  process.stdout.write(`\n${closingLine(counts)}\n`);
  if (counts.failed > 0) throw new CommandFailed("");
}

async function runVitest(lifetime: Lifetime, folders: readonly string[]): Promise<Counts> {
  if (folders.length === 0) return none;
  const report = join(places.tests, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  // A slash at the end: the folder itself, not every path that begins like it.
  const args = ["run", ...reporters, ...folders.map((folder) => `${folder}/`)];
  const { failed } = await runTool(lifetime, "vitest", args, { show: true });
  return withExit(readReport(report, countVitest), failed);
}

async function runPytest(lifetime: Lifetime, folders: readonly string[]): Promise<Counts> {
  if (folders.length === 0) return none;
  const report = join(places.tests, "pytest.xml");
  const env = { ...process.env, ...(await sparkEnvironment(lifetime)) };
  const workers = ["--numprocesses", "auto", "--maxprocesses", String(maxPytestWorkers), "--dist", "loadfile"];
  const args = ["-m", "pytest", ...workers, `--junitxml=${report}`, ...folders];
  const { failed } = await runTool(lifetime, join(places.python, "bin", "python"), args, { show: true, env });
  return withExit(readReport(report, countPytest), failed);
}

/**
 * What the accounts of all tests were asked, against the policies that were deployed there.
 *
 * @param isWhole all tests have run and passed: what no call needed is not to be granted
 */
async function judgeCalls(lifetime: Lifetime, isWhole: boolean): Promise<Counts> {
  const records = existsSync(calls) ? readdirSync(calls).map((name) => join(calls, name)) : [];
  if (records.length === 0) return none;
  const args = ["infra/check/check-calls.ts", ...(isWhole ? ["--whole"] : []), ...records];
  const { failed } = await runTool(lifetime, "node", args, { show: true });
  return { ...none, [failed ? "failed" : "passed"]: 1 };
}
