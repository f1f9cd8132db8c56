import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// A worker's own clean-up at its exit does not run: vitest ends it with a signal.
const temporary = mkdtempSync(join(tmpdir(), "orchard-tests-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));

/** Tests of functions that read the metrics which a module collects, or start a MiniStack which a module keeps. */
const withModuleState = globSync([
  "tests/lambdas/{mail/finished-execution,planning/overlap,results/validate-run}.test.ts",
  "tests/lambdas/{artifacts,aws,preflight,runtime,teardown}/**/*.test.ts",
]);
/**
 * Words of tests that mock modules, change the folder or ORCHARD_HOME, which modules read when they are loaded, or start
 * an account or a browser in their process.
 */
const needsOwnProcess =
  /\bvi\.mock\(|\bprocess\.chdir\(|ORCHARD_HOME|account-commands\.ts|testAccount|startAccount|useStateMachines|chromium\.ts/;
const sharing = globSync("tests/**/*.test.ts", { exclude: ["tests/faults/**"] }).filter(
  (file) => !withModuleState.includes(file) && !needsOwnProcess.test(readFileSync(file, "utf8")),
);

/** Files that take half a minute or more, the longest first. */
const longFiles = [
  "tests/cli/deployment/deploy.test.ts",
  "tests/cli/commands/account.test.ts",
  "tests/local/emr/emr-contract.test.ts",
  "tests/local/account.test.ts",
  "tests/infra/check/checks.test.ts",
  "tests/pages/report/report.test.ts",
  "tests/pages/console/console.test.ts",
  "tests/cli/setup/package.test.ts",
];

/** Starts the long files first, so that no worker is left with one of them when the others have nothing more to do. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = longFiles.findIndex((file) => moduleId.endsWith(file));
      return index < 0 ? longFiles.length : index;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      // Its files also share the synthesized stack, the compiled bundles and the list of scenarios.
      { extends: true, test: { name: "faults", include: ["tests/faults/**/*.test.ts"], isolate: false } },
      // Loading the AWS SDKs, the CDK and the commands once for each worker, not for each file, saves half of the CPU time.
      { extends: true, test: { name: "shared modules", include: sharing, isolate: false } },
      {
        extends: true,
        test: { name: "tests", include: ["tests/**/*.test.ts"], exclude: ["tests/faults/**", ...sharing] },
      },
    ],
    // One more than the cores, because the tests of an account often wait for processes.
    maxWorkers: availableParallelism() + 1,
    // A busy machine must not fail a test: the limit only ends a test that hangs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    env: {
      TMPDIR: temporary,
      POWERTOOLS_SERVICE_NAME: "orchard",
      POWERTOOLS_METRICS_NAMESPACE: "Orchard",
      // Keep the handlers' logs out of the tests' output.
      POWERTOOLS_LOG_LEVEL: "SILENT",
    },
  },
});
