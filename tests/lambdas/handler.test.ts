import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "aws-lambda";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { clusterDefaults } from "../../lambdas/shared/cluster-defaults.ts";
import { environment, readConfig } from "../../lambdas/shared/config.ts";
import { InvalidInput } from "../../lambdas/shared/errors.ts";
import { lambdaHandler } from "../../lambdas/shared/handler.ts";
import { execution } from "../../lambdas/shared/schemas.ts";
import { anExecution } from "./fixtures.ts";

const context = { functionName: "test" } as unknown as Context;
const folder = mkdtempSync(join(tmpdir(), "orchard-bundles-"));
const names = [
  "preflight",
  "upload-scripts",
  "validate-results",
  "terminate-cluster",
  "confirm-terminated",
  "diagnose-failure",
  "notify",
];

beforeAll(async () => {
  await build({
    entryPoints: names.map((name) => join(import.meta.dirname, "..", "..", "lambdas", `${name}.ts`)),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test.each(names)("%s is bundled whole, and refuses an event that is not the machine's", async (name) => {
  const { handler } = (await import(pathToFileURL(join(folder, `${name}.mjs`)).href)) as {
    handler: (event: unknown, context: Context) => Promise<unknown>;
  };

  await expect(handler({ state: {} }, context)).rejects.toThrow(/The event is not what the function takes/);
});

test("the function gets the parsed event, and its error keeps name and message", async () => {
  const schema = z.object({ execution, count: z.coerce.number() });
  const handler = lambdaHandler(schema, async ({ count }) => {
    if (count < 0) throw new InvalidInput("below zero");
    return count + 1;
  });

  expect(await handler({ execution: anExecution(), count: "2" }, context)).toBe(3);
  await expect(handler({ execution: anExecution(), count: -1 }, context)).rejects.toMatchObject({
    name: "InvalidInput",
    message: "below zero",
  });
});

test("a wrong environment names every variable that is wrong", () => {
  const settings = environment.pick({
    TOPIC_ARN: true,
    MODEL_SHA256: true,
    CLUSTER_DEFAULTS: true,
    ALLOW_SEEDED_WEIGHTS: true,
  });

  expect(() => readConfig(settings, { MODEL_SHA256: "x" })).toThrow(/TOPIC_ARN: .*MODEL_SHA256: must be 64/);
  expect(readConfig(settings, { TOPIC_ARN: "arn:x", MODEL_SHA256: "0".repeat(64), CLUSTER_DEFAULTS: "" })).toEqual({
    TOPIC_ARN: "arn:x",
    MODEL_SHA256: "0".repeat(64),
    CLUSTER_DEFAULTS: clusterDefaults.parse({}),
    ALLOW_SEEDED_WEIGHTS: false,
  });
});
