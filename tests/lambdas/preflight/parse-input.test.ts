import fc from "fast-check";
import { expect, test } from "vitest";
import { executionInputSchema } from "../../../lambdas/contract/input.ts";
import { parseInput, type ResolvedInput } from "../../../lambdas/preflight/parse-input.ts";
import { InvalidInput } from "../../../lambdas/runtime/errors.ts";

const defaults = { bucket: "data", inputPrefix: "data/raw/", maxCostUsd: 20, maxKeepMinutes: 120 };
function parse(given: unknown): ResolvedInput {
  return parseInput(given, defaults);
}

function refusal(given: unknown): string {
  try {
    parse(given);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInput);
    return (error as Error).message;
  }
  throw new Error(`Accepted: ${JSON.stringify(given)}`);
}

test("fills in the defaults of the table", () => {
  expect(parse({ mode: "mini" })).toEqual({
    mode: "mini",
    label: null,
    imageTree: "s3://data/data/raw/",
    layout: null,
    splits: null,
    defaultSplit: "Training",
    limit: 300,
    selectionRule: { labelPrefix: "Apple", label: null, limit: 300 },
    pca: { components: 50 },
    formats: null,
    reusedFeatures: null,
    force: false,
    keepMinutes: 0,
    quality: { maxErrorRate: 0.01, minVariance: null },
    maxMegapixels: 80,
    exifRotation: false,
    jpegDraft: false,
    precision: "float32",
    maxCostUsd: 20,
    cluster: {},
  });
  expect(parse({ mode: "inventory" })).toMatchObject({ splits: null, defaultSplit: null, limit: null });
  expect(parse({ mode: "full", input: "s3://other/tree", pca: { variance: 0.9 } })).toMatchObject({
    imageTree: "s3://other/tree/",
    limit: null,
    pca: { variance: 0.9 },
  });
});

test.each([
  [{}, /^The input is refused: mode: is required; one of "inventory", "mini", "apples", "full", "single-class"$/],
  [{ mode: "minni" }, /mode: "minni" is not allowed; .*Did you mean "mini"\?/],
  [{ mode: "mini", Limit: 3 }, /unknown key "Limit"\. Did you mean "limit"\? Known keys: mode, label, input/],
  [{ mode: "mini", pca: { component: 3 } }, /pca: unknown key "component"\. Did you mean "components"\?/],
  [{ mode: "mini", cluster: { coreTyp: "m5.xlarge" } }, /cluster: unknown key "coreTyp"\. Did you mean "coreType"\?/],
  [{ mode: "mini", quality: { minVarianc: 1 } }, /quality: unknown key "minVarianc"\. Did you mean "minVariance"\?/],
  [{ mode: "mini", limit: 1 }, /limit: .*2/],
  [{ mode: "mini", limit: 2.5 }, /limit: /],
  [{ mode: "mini", limit: "3" }, /limit: .*expected.*received string/],
  [{ mode: "mini", pca: {} }, /pca: must be either \{"components": k\} or \{"variance": v\}/],
  [{ mode: "mini", pca: { components: 2, variance: 0.5 } }, /pca: must be either/],
  [{ mode: "mini", pca: { components: 0 } }, /pca\.components: /],
  [{ mode: "mini", pca: { variance: 0 } }, /pca\.variance: /],
  [{ mode: "mini", pca: { variance: 1.1 } }, /pca\.variance: /],
  [{ mode: "mini", formats: [] }, /formats: /],
  [{ mode: "mini", formats: ["parquet", "parquet"] }, /formats: must not name a format twice/],
  [{ mode: "mini", formats: ["cvs"] }, /formats\.0: "cvs" is not allowed.*Did you mean "csv"\?/],
  [{ mode: "mini", formats: ["csv"], reusedFeatures: "reference" }, /reusedFeatures: with "reference" .* no CSV/],
  [{ mode: "mini", input: "http://x/y" }, /input: must be s3:\/\/bucket\/prefix/],
  [{ mode: "mini", splits: [] }, /splits: /],
  [
    { mode: "mini", layout: "labels" },
    /layout: "labels" is not allowed; one of "split\/label", "label"\. Did you mean "label"/,
  ],
  [{ mode: "mini", layout: "label", splits: ["Training"] }, /splits: a tree with the layout "label" has none/],
  [{ mode: "mini", splits: ["Training", "Training"] }, /splits: must not name a split twice/],
  [{ mode: "mini", splits: Array.from({ length: 101 }, (_, i) => `s${i}`) }, /splits: .*100/],
  [{ mode: "single-class", label: "x".repeat(1025) }, /label: .*1024/],
  [{ mode: "mini", force: "yes" }, /force: /],
  [{ mode: "mini", maxCostUsd: 0 }, /maxCostUsd: /],
  [{ mode: "mini", keepMinutes: -1 }, /keepMinutes: /],
  [{ mode: "mini", keepMinutes: 121 }, /keepMinutes: 121 is more than the 120 minutes .*maxKeepMinutes/],
  [{ mode: "mini", cluster: { id: "1" } }, /cluster\.id: must be a cluster's id, such as j-/],
  [{ mode: "mini", cluster: { id: "j-1" }, keepMinutes: 10 }, /keepMinutes: cluster j-1 ends at the time that was set/],
  [
    { mode: "mini", cluster: { id: "j-1", coreCount: 2, ebsGiB: 64, executorMemory: "2g" } },
    /cluster: coreCount, ebsGiB cannot go with id: .* Leave them out/,
  ],
  [
    { mode: "mini", cluster: { coreType: "x9.huge" } },
    /cluster\.coreType: "x9\.huge" is not allowed; one of "m5\.xlarge"/,
  ],
  [{ mode: "mini", cluster: { market: "spot" } }, /cluster\.market: .*Did you mean "SPOT"\?/],
  [{ mode: "mini", cluster: { executorMemory: "much" } }, /cluster\.executorMemory: must be a size/],
  [{ mode: "mini", quality: { maxErrorRate: 2 } }, /quality\.maxErrorRate: /],
  [{ mode: "single-class" }, /label: mode "single-class" needs one/],
  [{ mode: "full", label: "Banana" }, /label: only mode "single-class" takes one/],
  [{ mode: "mini", maxCostUsd: 1e306 }, /maxCostUsd: .*100000/],
  [JSON.parse('{"mode":"mini","maxCostUsd":1e400}'), /maxCostUsd: /],
  [{ mode: "mini", limit: 100_000_001 }, /limit: .*100000000/],
  [{ mode: "mini", pca: { components: 100_001 } }, /pca\.components: .*100000/],
  [{ mode: "mini", keepMinutes: 7_681 }, /keepMinutes: .*7680/],
  [{ mode: "mini", cluster: { executorMemory: `${"9".repeat(400)}g` } }, /cluster\.executorMemory: must be a size/],
  [{ mode: "mini", cluster: { id: `j-${"A".repeat(5_000)}` } }, /cluster\.id: must be a cluster's id/],
  [{ mode: "mini", formats: Array.from({ length: 300 }, () => "parquet") }, /formats: .*2/],
  [{ mode: "mini", input: "s3://bucket/tree//" }, /input: must not have a folder without a name \(\/\/\)/],
  [{ mode: "mini", input: "s3://bucket//tree/" }, /input: must not have a folder without a name \(\/\/\)/],
  ["mini", /the input: .*expected object/],
  [null, /the input: .*expected object/],
  [[], /the input: .*expected object/],
])("refuses %j", (given, message) => {
  expect(refusal(given)).toMatch(message);
});

test("a run that refers to stored features has no CSV files by default", () => {
  const { formats, reusedFeatures } = parseInput({ mode: "mini", reusedFeatures: "reference" }, defaults);

  expect({ formats, reusedFeatures }).toEqual({ formats: ["parquet"], reusedFeatures: "reference" });
});

test("names every problem, not only the first", () => {
  const message = refusal({ mode: "minni", limit: 1, colour: "red" });
  expect(message).toMatch(/3 problems/);
  expect(message).toMatch(/mode: /);
  expect(message).toMatch(/limit: /);
  expect(message).toMatch(/"colour"/);
});

test("any unknown key is refused and named", () => {
  const known = Object.keys(executionInputSchema.shape);
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (key, value) => {
      fc.pre(!known.includes(key));
      // As it arrives: JSON.parse makes even "__proto__" a key of the object's own.
      const given = JSON.parse(`{"mode":"mini",${JSON.stringify(key)}:${JSON.stringify(value)}}`) as unknown;
      expect(refusal(given)).toContain(`unknown key ${JSON.stringify(key)}`);
    }),
    {
      examples: [
        ["__proto__", 1],
        ["constructor", {}],
        ["", null],
      ],
    },
  );
});

test("a wrong value is cut to 200 characters", () => {
  const message = refusal({ mode: "m".repeat(10_000) });

  expect(message).toMatch(/^The input is refused: mode: "m{190,}… is not allowed; one of "inventory"/);
  expect(message.length).toBeLessThan(400);
});

test("of many unknown keys, 20 are named, each cut to 200 characters", () => {
  const keys = Array.from({ length: 1_000 }, (_, index) => `unknown${index}`);
  const message = refusal(
    Object.fromEntries([["mode", "mini"], ["k".repeat(1_000), 1], ...keys.map((key) => [key, 1])]),
  );

  expect(message.split("\n")).toHaveLength(22);
  expect(message).toContain("1001 problems:");
  expect(message).toMatch(/unknown key "k{190,}…/);
  expect(message).toMatch(/\n- … and 981 more$/);
});

/** Nests a value in arrays, without recursion. */
function nest(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

test.each([
  ["nested 100,000 levels deep", { mode: nest(100_000) }, "nested more than 32 levels deep"],
  ["of 250 kB", { mode: "m".repeat(250_000) }, "has 250,011 bytes, and at most 16,384 are allowed"],
  ["with 3,000 unknown keys", Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`unknown${n}`, n])), "bytes"],
])("an input %s is refused at the door", (_, given, message) => {
  expect(() => parse(given)).toThrow(InvalidInput);
  expect(() => parse(given)).toThrow(message);
});

/** JSON of up to 256 KiB: wide, long or deep where fc.jsonValue() is not. */
const hostileJson = fc.oneof(
  fc.jsonValue(),
  fc.integer({ min: 0, max: 100_000 }).map(nest),
  fc.integer({ min: 0, max: 250_000 }).map((length) => "\u2028".repeat(length / 3)),
  fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 300 }),
  fc.dictionary(fc.string({ maxLength: 300 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 300 }),
  fc.double({ noNaN: true }),
  fc.constantFrom(...Object.keys(executionInputSchema.shape)),
);

test("any JSON at all is either taken, or refused in one message of at most 8 KiB", () => {
  const keys = Object.fromEntries(Object.keys(executionInputSchema.shape).map((key) => [key, hostileJson]));
  fc.assert(
    fc.property(fc.oneof(hostileJson, fc.record(keys, { requiredKeys: [] })), (given) => {
      try {
        parse(given);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidInput);
        const { message } = error as Error;
        expect(message).toMatch(/^The input is refused/);
        expect(Buffer.byteLength(message)).toBeLessThanOrEqual(8_192);
        for (const line of message.split("\n").slice(1)) expect(line).toMatch(/^- /);
      }
    }),
  );
});
