import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { sparkEnvironment } from "../toolchain/local-spark.ts";
import { places, root } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";
import { runChecks } from "../toolchain/static-checks.ts";
import { prepareTestAccount, testAccount } from "../toolchain/test-account.ts";
import { add, type Counts, closingLine, countPytest, countVitest, none, withExit } from "../toolchain/test-counts.ts";

const testsFolder = join(root, "tests");
const check = "check";
/** Set for `npm run test:deep`; read by tests/deep.ts and tests/conftest.py. */
const isDeep = process.env["ORCHARD_DEEP"] === "1";
const deepAdditions = [
  "faults: all scenarios instead of every 16th, all mutations instead of every tenth, 3,000 random schedules instead of 25",
  "e2e: the modes apples, single-class and full, features against Keras, every refused input, a stop in every state, Ctrl-C at every moment and a start after it, 12 kills, a step without memory, everything computed again by force",
  "cli: the set-up in an odd folder, and reduce with each variable that people set for other work",
  "cli: every command of docs/aws.md on an account of its own",
  "spark: the model made twice has the same bytes, and the command that makes it from a file of weights",
  "lambdas: logs of 1 and 5 MB that repeat what the patterns of the diagnosis look for",
  "yarn: steps on a real YARN (npm run test:yarn), a lost executor or node, tasks that go on after their executor was given up, and images of 50 megapixels",
  "bench: the benchmark at small sizes",
];
/** Suites that `npm test` leaves out. The suite of YARN takes a tenth of the time of all others, so CI runs it after them. */
const suitesOfTheirOwn = ["yarn"];
/** Suites with tests that start a copy of the prepared account. */
const suitesWithAccounts = ["cli", "e2e", "yarn"];
/** API calls by role, as tests/e2e and tests/faults record them. */
const callRecords = join(places.tests, "api-calls");
/** Each worker runs an account, and Spark on all cores, so more workers would need more memory than a laptop has. */
const maxPytestWorkers = 4;
/** One more than the cores, because the tests of an account often wait for processes. */
const pytestWorkers = Math.min(availableParallelism() + 1, maxPytestWorkers);

function isVitest(file: string): boolean {
  return file.endsWith(".test.ts");
}

function isPytest(file: string): boolean {
  return /(^|\/)test_[^/]*\.py$/.test(file);
}

function hasTests(suite: string, isTest: (file: string) => boolean): boolean {
  return readdirSync(join(testsFolder, suite), { recursive: true }).some((file) => isTest(String(file)));
}

function suiteNames(): readonly string[] {
  const folders = readdirSync(testsFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("_"))
    .map(({ name }) => name)
    .filter((name) => hasTests(name, (file) => isVitest(file) || isPytest(file)));
  return [check, ...folders.sort()];
}

function foldersWith(suites: readonly string[], isTest: (file: string) => boolean): readonly string[] {
  return suites.filter((suite) => suite !== check && hasTests(suite, isTest)).map((suite) => `tests/${suite}`);
}

function readReport(path: string, count: (text: string) => Counts): Counts {
  return existsSync(path) ? count(readFileSync(path, "utf8")) : none;
}

export const command = new Command("test")
  .description("run the checks and all tests; the last line counts them together")
  .option("--only <suite...>", "only these suites: check, or a folder of tests/")
  .action(async ({ only }) => {
    const all = suiteNames();
    const unknown = only?.filter((suite) => !all.includes(suite)) ?? [];
    if (unknown.length > 0) {
      throw new UsageError(`There is no suite ${unknown.join(", ")}. The suites are: ${all.join(", ")}.`);
    }
    const suites = only ?? all.filter((suite) => isDeep || !suitesOfTheirOwn.includes(suite));
    await withLifetime((lifetime) => runSuites(lifetime, suites, only === undefined));
  });

/** @param isWhole the suites are all that `npm test` has */
async function runSuites(lifetime: Lifetime, suites: readonly string[], isWhole: boolean): Promise<void> {
  rmSync(places.tests, { recursive: true, force: true });
  mkdirSync(places.tests, { recursive: true });
  if (isDeep)
    process.stdout.write(`test:deep adds to npm test\n${deepAdditions.map((line) => `  ${line}\n`).join("")}`);

  const vitestFolders = foldersWith(suites, isVitest);
  const pytestFolders = foldersWith(suites, isPytest);
  const usesAccount = suites.some((suite) => suitesWithAccounts.includes(suite));
  const preparation = usesAccount ? prepareTestAccount(lifetime) : Promise.resolve();
  // An error while the checks and tests still run is thrown when they have ended.
  preparation.catch(() => undefined);
  let counts = none;
  if (suites.includes(check)) {
    for (const { failed } of await runChecks(lifetime)) {
      counts = add(counts, { passed: failed ? 0 : 1, failed: failed ? 1 : 0, skipped: 0 });
    }
  }
  // The tests of an account mostly wait for processes: side by side, the two runners leave no core idle.
  const isShared = vitestFolders.length > 0 && pytestFolders.length > 0;
  const results = await Promise.all([runVitest(lifetime, vitestFolders, isShared), runPytest(lifetime, pytestFolders)]);
  counts = results.reduce(add, counts);
  await preparation;
  counts = add(counts, await checkCalls(lifetime, isWhole && counts.failed === 0));
  process.stdout.write(`\n${closingLine(counts)}\n`);
  if (counts.failed > 0) throw new CommandFailed("");
}

function environment(): NodeJS.ProcessEnv {
  return { ...childEnvironment("download"), ORCHARD_TEST_ACCOUNT: testAccount };
}

/** @param isShared pytest runs at the same time: print the output in one piece at the end */
async function runVitest(lifetime: Lifetime, folders: readonly string[], isShared: boolean): Promise<Counts> {
  if (folders.length === 0) return none;
  const report = join(places.tests, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  // The slash at the end selects the folder itself, not every path that begins like it.
  const args = ["run", ...reporters, ...folders.map((folder) => `${folder}/`)];
  const { failed, output } = await runTool(lifetime, "vitest", args, {
    show: !isShared,
    env: environment(),
  });
  if (isShared) process.stdout.write(`\n${output}\n`);
  return withExit(readReport(report, countVitest), failed);
}

async function runPytest(lifetime: Lifetime, folders: readonly string[]): Promise<Counts> {
  if (folders.length === 0) return none;
  const report = join(places.tests, "pytest.xml");
  const env = { ...environment(), ...(await sparkEnvironment(lifetime)) };
  // xdist would start with the files of the most tests, and not with those that tests/conftest.py puts first.
  const distribution = ["--dist", "loadfile", "--no-loadscope-reorder"];
  const workers = ["--numprocesses", String(pytestWorkers), ...distribution];
  const args = ["-m", "pytest", ...workers, "--durations=20", `--junitxml=${report}`, ...folders];
  const { failed } = await runTool(lifetime, join(places.python, "bin", "python"), args, { show: true, env });
  return withExit(readReport(report, countPytest), failed);
}

/**
 * Checks the recorded API calls of all tests against the policies that were deployed in their accounts.
 *
 * @param isWhole all tests have run and passed, so that a permission no call needed counts as superfluous
 */
async function checkCalls(lifetime: Lifetime, isWhole: boolean): Promise<Counts> {
  const records = existsSync(callRecords) ? readdirSync(callRecords).map((name) => join(callRecords, name)) : [];
  if (records.length === 0) return none;
  const args = ["infra/check/check-calls.ts", ...(isWhole ? ["--whole"] : []), ...records];
  const { failed } = await runTool(lifetime, "node", args, { show: true });
  return { ...none, [failed ? "failed" : "passed"]: 1 };
}
