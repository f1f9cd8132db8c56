import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "aws-lambda";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { bundleFolder } from "../../../infra/bundles.ts";
import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import { executionSchema } from "../../../lambdas/contract/execution.ts";
import { environmentSchema, readEnvironment } from "../../../lambdas/runtime/environment.ts";
import { InvalidInput } from "../../../lambdas/runtime/errors.ts";
import { lambdaHandler, metrics } from "../../../lambdas/runtime/handler.ts";
import { anExecution } from "../fixtures.ts";

const context = { functionName: "test" } as unknown as Context;
const folder = bundleFolder();
/** The sweep reads nothing of its event, and the event of take-input may be any JSON value. */
const names = readdirSync(folder).filter((name) => !["sweep-clusters", "take-input"].includes(name));

test.each(names)("%s is bundled completely, and rejects an event of another schema", async (name) => {
  const { handler } = (await import(pathToFileURL(join(folder, name, "index.mjs")).href)) as {
    handler: (event: unknown, context: Context) => Promise<unknown>;
  };

  await expect(handler({ state: {} }, context)).rejects.toThrow(/The event does not match the function.s schema/);
});

test("passes the parsed event to the function, and keeps the name and message of its error", async () => {
  const schema = z.object({ execution: executionSchema, count: z.coerce.number() });
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

test("prints the metrics as one line in CloudWatch's embedded metric format, even if the function fails", async () => {
  const lines: string[] = [];
  // The library has its own console, because Lambda's would change the line.
  const { console: output } = metrics as unknown as { console: Console };
  const log = vi.spyOn(output, "log").mockImplementation((line: string) => lines.push(line));
  const schema = z.object({ execution: executionSchema, fails: z.boolean(), count: z.number().optional() });
  const handler = lambdaHandler(schema, async (event) => {
    if (event.count !== undefined) metrics.addMetric("Images", "Count", event.count);
    if (event.fails) throw new InvalidInput("failed");
  });

  await handler({ execution: anExecution(), fails: false, count: 3 }, context);
  await handler({ execution: anExecution(), fails: true, count: 4 }, context).catch(() => undefined);
  await handler({ execution: anExecution(), fails: false }, context);
  log.mockRestore();

  const written = lines.map((line) => JSON.parse(line));
  expect(written.map(({ Images }) => Images)).toEqual([3, 4]);
  expect(written[0]._aws.CloudWatchMetrics).toEqual([
    { Namespace: "Orchard", Dimensions: [["service"]], Metrics: [{ Name: "Images", Unit: "Count" }] },
  ]);
  expect(written[0].service).toBe("orchard");
});

test("names every missing or malformed variable of the environment", () => {
  const settings = environmentSchema.pick({
    TOPIC_ARN: true,
    MODEL_SHA256: true,
    CLUSTER_DEFAULTS: true,
    ALLOW_SEEDED_WEIGHTS: true,
  });

  expect(() => readEnvironment(settings, { MODEL_SHA256: "x" })).toThrow(/TOPIC_ARN: .*MODEL_SHA256: must be 64/);
  expect(readEnvironment(settings, { TOPIC_ARN: "arn:x", MODEL_SHA256: "0".repeat(64), CLUSTER_DEFAULTS: "" })).toEqual(
    {
      TOPIC_ARN: "arn:x",
      MODEL_SHA256: "0".repeat(64),
      CLUSTER_DEFAULTS: clusterDefaultsSchema.parse({}),
      ALLOW_SEEDED_WEIGHTS: false,
    },
  );
});
