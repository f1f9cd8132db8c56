import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // The default leaves one core idle, which is half of two.
    maxWorkers: "100%",
    testTimeout: 30_000,
    env: {
      POWERTOOLS_SERVICE_NAME: "orchard",
      POWERTOOLS_METRICS_NAMESPACE: "Orchard",
      // What a handler logs is not what a person who runs the tests wants to read.
      POWERTOOLS_LOG_LEVEL: "SILENT",
    },
  },
});
