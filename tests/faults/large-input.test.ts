// Step Functions takes an input of up to 256 KiB. If a state adds to such an input, the execution fails with
// States.DataLimitExceeded, which no Catch handles.
import fc from "fast-check";
import { expect, it } from "vitest";
import { modes } from "../../lambdas/contract/modes.ts";
import { maxDataBytes } from "../../local/stepfunctions/data-limit.ts";
import { isDeep } from "../deep.ts";
import { deploy } from "./account/deployed.ts";
import { violationsOf } from "./invariants/all-invariants.ts";
import { buildScenario } from "./scenarios/build-scenario.ts";
import { play } from "./scenarios/play.ts";

const deployed = deploy();
const runs = isDeep ? 500 : 25;

/** Fills an array up to an exact number of bytes as JSON. */
function fill(bytes: number, ...values: unknown[]): unknown {
  const rest = bytes - Buffer.byteLength(JSON.stringify([...values, ""]));
  return [...values, "x".repeat(rest)];
}

/** Fills an object with valid members up to an exact number of bytes as JSON. */
function fillObject(bytes: number, members: object): unknown {
  const rest = bytes - Buffer.byteLength(JSON.stringify({ ...members, label: "" }));
  return { ...members, label: "x".repeat(rest) };
}

/** Nests an array; the embedded account takes no more than 1,000 levels. */
function nest(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level += 1) value = [value];
  return value;
}

/** Plays an execution, which must be refused: with one mail, no cluster, and state data that stay small. */
async function refusalOf(input: unknown): Promise<string> {
  const simulation = await play(deployed, buildScenario([], undefined, { input }));

  const [execution] = simulation.executions;
  // The input is the fault, which the scenario does not list.
  const isOther = (violation: string) => !violation.includes("is FAILED without a fault");
  expect(violationsOf(simulation).filter(isOther)).toEqual([]);
  expect(execution?.outcome).toMatchObject({ status: "FAILED", error: "InvalidInput" });
  expect([simulation.createdClusters.length, simulation.mails.length]).toEqual([0, 1]);
  const { cause = "" } = execution?.outcome ?? {};
  expect(cause).toMatch(/^The input is refused/);
  return cause;
}

it.each([maxDataBytes, maxDataBytes - 1, 261_700])("refuses an input of %i bytes with its size", async (bytes) => {
  const message = `has ${bytes.toLocaleString("en-US")} bytes, and at most 16,384 are allowed`;
  const inputs = [
    fillObject(bytes, { mode: "mini" }),
    fillObject(bytes, { mode: "mini", overlap: "skip" }),
    fillObject(bytes, { mode: "mini", overlap: "queue" }),
    fill(bytes),
    "é".repeat(bytes / 2 - 1) + "x".repeat(bytes % 2),
  ];

  for (const input of inputs) expect(await refusalOf(input)).toContain(message);
});

it.each([undefined, "skip", "queue"])("refuses a deep input with the overlap %s", async (overlap) => {
  const deep = { mode: "mini", overlap, label: nest(900) };

  expect(await refusalOf(deep)).toContain("nested more than 32 levels deep");
  expect(await refusalOf(fill(maxDataBytes, deep))).toContain("nested more than 32 levels deep");
});

/** JSON of up to 256 KiB, in which no mode is valid. */
const wrongInput = fc
  .oneof(
    fc.jsonValue(),
    fc.dictionary(fc.string({ maxLength: 300 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 300 }),
    fc.record({ overlap: fc.constantFrom("skip", "queue", "allow", 1), mode: fc.string() }),
    fc
      .tuple(fc.integer({ min: 16_000, max: maxDataBytes }), fc.jsonValue())
      .map(([bytes, value]) => fill(bytes, value)),
    fc.integer({ min: 1, max: 900 }).map(nest),
  )
  .filter((input) => !modes.some((mode) => mode === (input as { mode?: unknown } | null)?.mode));

it("refuses any other JSON in one message of at most 8 KiB", async () => {
  const property = fc.asyncProperty(wrongInput, async (input) => {
    expect(Buffer.byteLength(await refusalOf(input))).toBeLessThanOrEqual(8_192);
  });

  await fc.assert(property, { numRuns: runs, endOnFailure: !isDeep });
}, 600_000);
