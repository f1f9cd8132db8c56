import fc from "fast-check";
import { type Architecture, architectures } from "../../../lambdas/catalog/architectures.ts";
import { instanceTypes } from "../../../lambdas/catalog/instance-types.ts";
import { formats, markets, overlaps } from "../../../lambdas/contract/choices.ts";
import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import { modes, modesWithLabel } from "../../../lambdas/contract/modes.ts";
import { renderedDefinition, tasks } from "../definition.ts";

/** Generates text without lone surrogates, which JSON cannot encode in UTF-8. */
function text(maxLength: number) {
  return fc.string({ unit: "grapheme", minLength: 1, maxLength });
}
function maybe<T>(of: fc.Arbitrary<T>) {
  return fc.option(of, { nil: undefined });
}
const memory = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.constantFrom("g", "m")).map(([n, unit]) => `${n}${unit}`);
function typesOf(wanted: Architecture, vcpus?: number) {
  return Object.keys(instanceTypes).filter(
    (name) =>
      instanceTypes[name]?.architecture === wanted && (vcpus === undefined || instanceTypes[name]?.vcpus === vcpus),
  );
}

/** Generates execution inputs with every key and the values that it may have. */
function inputFor(architecture: Architecture) {
  return fc
    .record({
      mode: fc.constantFrom(...modes),
      label: text(1024),
      input: maybe(text(900).map((prefix) => `s3://some-bucket/${prefix}`)),
      splits: maybe(fc.uniqueArray(text(50), { minLength: 1, maxLength: 20 })),
      limit: maybe(fc.integer({ min: 2, max: 10_000_000 })),
      pca: maybe(
        fc.oneof(
          fc.integer({ min: 1, max: 1280 }).map((components) => ({ components })),
          fc.double({ min: 0.01, max: 1, noNaN: true }).map((variance) => ({ variance })),
        ),
      ),
      formats: maybe(fc.subarray([...formats], { minLength: 1 })),
      force: maybe(fc.boolean()),
      overlap: maybe(fc.constantFrom(...overlaps)),
      keepMinutes: maybe(fc.integer({ min: 0, max: 7_680 })),
      maxCostUsd: maybe(fc.double({ min: 0.01, max: 1e6, noNaN: true })),
      cluster: maybe(
        fc.record(
          {
            primaryType: fc.constantFrom(...typesOf(architecture)),
            coreType: fc.constantFrom(...typesOf(architecture)),
            coreCount: fc.integer({ min: 0, max: 100 }),
            market: fc.constantFrom(...markets),
            ebsGiB: fc.integer({ min: 32, max: 1024 }),
            executorMemory: memory,
            executorMemoryOverhead: memory,
          },
          { requiredKeys: [] },
        ),
      ),
      quality: maybe(fc.record({ maxErrorRate: fc.double({ min: 0, max: 1, noNaN: true }) })),
    })
    .map(({ label, ...input }) =>
      JSON.parse(JSON.stringify(modesWithLabel.includes(input.mode) ? { ...input, label } : input)),
    );
}

function id(prefix: string) {
  return fc.integer({ min: 1, max: 9 }).map((digit) => `${prefix}-0123456789abcdef${digit}`);
}
/** Generates the deployment's configuration of clusters. */
function defaultsFor(architecture: Architecture) {
  return fc
    .record({
      primaryTypes: maybe(fc.subarray(typesOf(architecture, 4), { minLength: 1 })),
      coreTypes: maybe(
        fc.constantFrom(4, 8).chain((vcpus) => fc.subarray(typesOf(architecture, vcpus), { minLength: 1 })),
      ),
      coreCount: fc.integer({ min: 1, max: 100 }),
      maxCoreCount: fc.integer({ min: 1, max: 100 }),
      market: fc.constantFrom(...markets),
      ebsGiB: fc.integer({ min: 32, max: 1024 }),
      idleTimeoutMinutes: fc.integer({ min: 10, max: 10_080 }),
      deadlineMinutes: fc.integer({ min: 10, max: 900 }),
      jupyterHub: fc.boolean(),
      subnetIds: fc.array(id("subnet"), { minLength: 1, maxLength: 3 }),
      securityGroups: fc.record({ primary: id("sg"), core: id("sg"), serviceAccess: id("sg") }),
      keyPair: fc.option(text(255)),
    })
    .map((given) =>
      clusterDefaultsSchema.parse(
        JSON.parse(
          JSON.stringify({ ...given, architecture, maxCoreCount: Math.max(given.coreCount, given.maxCoreCount) }),
        ),
      ),
    );
}

/** Generates names of 1 to 80 characters (API reference, StartExecution) that Preflight accepts because tags allow them. */
const executionNames = fc
  .array(fc.constantFrom(..."abcXYZ019_.=+-@é"), { minLength: 1, maxLength: 80 })
  .map((letters) => letters.join(""))
  .filter((name) => !/^\.+$/.test(name));

function caseFor(architecture: Architecture) {
  return fc.record({
    name: executionNames,
    input: inputFor(architecture),
    defaults: defaultsFor(architecture),
    images: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 20_000_000 })),
    /** The state that fails, if any. */
    failing: maybe(fc.constantFrom(...tasks(renderedDefinition()).map(([state]) => state))),
    error: fc.record({ name: text(80), message: text(5_000) }),
  });
}
/** Generates the input and the circumstances of an execution. */
export const requestCases = fc.constantFrom(...architectures).chain(caseFor);
export type RequestCase = typeof requestCases extends fc.Arbitrary<infer T> ? T : never;
