import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Settings for StrykerJS, which repeats the tests for each mutant. ORCHARD_MUTATION_TESTS names their folders.
const root = join(import.meta.dirname, "..", "..");
const folders = (process.env["ORCHARD_MUTATION_TESTS"] ?? "tests/lambdas").split(" ");
// MiniStack and embedded accounts take seconds to start, so that a folder would take hours.
const startsAnAccount = /start(Ministack|\w+Account)\(|\/ready-account\.ts"/;
const tests = folders.flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root }));

export default defineConfig({
  test: {
    root,
    include: tests.filter((file) => !startsAnAccount.test(readFileSync(join(root, file), "utf8"))),
    globalSetup: join(import.meta.dirname, "made-results.ts"),
    testTimeout: 180_000,
    hookTimeout: 180_000,
    env: {
      POWERTOOLS_SERVICE_NAME: "orchard",
      POWERTOOLS_METRICS_NAMESPACE: "Orchard",
      POWERTOOLS_LOG_LEVEL: "SILENT",
    },
  },
});
