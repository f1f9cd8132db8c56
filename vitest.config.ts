import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

// A worker's own clean-up at its exit does not run: vitest ends it with a signal.
const temporary = mkdtempSync(join(tmpdir(), "orchard-tests-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        // Its files share the synthesized stack, the compiled bundles and the list of scenarios.
        test: { name: "faults", include: ["tests/faults/**/*.test.ts"], isolate: false },
      },
      { extends: true, test: { name: "tests", include: ["tests/**/*.test.ts"], exclude: ["tests/faults/**"] } },
    ],
    // The default leaves one core idle, which is half of two.
    maxWorkers: "100%",
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
