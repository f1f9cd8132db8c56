import type { z } from "zod";
import { colonAndItems, quoteValue } from "../../shared/bounded-text.ts";
import { plural } from "../../shared/formatting.ts";
import { nearestNames } from "../../shared/nearest-names.ts";
import { defaultMaxMegapixels, type ExecutionInput, executionInputSchema } from "../contract/input.ts";
import { modeProperties, modesWithLabel } from "../contract/modes.ts";
import type { Pca, Plan } from "../contract/plan.ts";
import { InvalidInput } from "../runtime/errors.ts";
import type { ListingRequest } from "./list-images.ts";
import { refuseLargeInput } from "./refuse-large-input.ts";

/** The execution input with every default filled in. */
export interface ResolvedInput
  extends Pick<
      Plan,
      | "mode"
      | "label"
      | "limit"
      | "selectionRule"
      | "force"
      | "keepMinutes"
      | "exifRotation"
      | "jpegDraft"
      | "precision"
    >,
    Pick<ListingRequest, "layout" | "splits" | "defaultSplit"> {
  /** s3://bucket/prefix/ */
  readonly imageTree: string;
  readonly pca: Pca;
  /** With null, the number of images decides. */
  readonly formats: Plan["formats"] | null;
  /** With null, the number of images in the store decides. */
  readonly reusedFeatures: Plan["reusedFeatures"] | null;
  readonly quality: Plan["quality"];
  readonly maxMegapixels: number;
  readonly maxCostUsd: number;
  readonly cluster: NonNullable<ExecutionInput["cluster"]>;
}

export interface InputDefaults {
  readonly bucket: string;
  readonly inputPrefix: string;
  readonly maxCostUsd: number;
  /** @default 50 */
  readonly pcaComponents?: number;
  readonly maxKeepMinutes: number;
}

function quoteNames(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

/** Returns the keys that are allowed in the object in which an unknown key was found. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  const objects: Readonly<Record<string, readonly string[]>> = {
    "": Object.keys(executionInputSchema.shape),
    pca: ["components", "variance"],
    cluster: Object.keys(executionInputSchema.shape.cluster.unwrap().shape),
    quality: Object.keys(executionInputSchema.shape.quality.unwrap().shape),
  };
  return objects[path.join(".")] ?? [];
}

function describeIssue(issue: z.core.$ZodIssue): readonly string[] {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(issue.path);
    return issue.keys.map((key) => {
      const [suggestion] = nearestNames(key, known, 1);
      const hint = suggestion === undefined ? "" : ` Did you mean ${JSON.stringify(suggestion)}?`;
      return `${path === "" ? "" : `${path}: `}unknown key ${quoteValue(key)}.${hint} Known keys: ${known.join(", ")}`;
    });
  }
  return [`${path === "" ? "the input" : path}: ${issue.message}`];
}

/** Keys that go with cluster.id: they change how Spark uses an existing cluster, not the cluster. */
const keysAllowedWithId = ["id", "executorMemory", "executorMemoryOverhead"];

function keptClusterProblems(
  { cluster = {}, keepMinutes = 0 }: ExecutionInput,
  { maxKeepMinutes }: InputDefaults,
): string[] {
  const problems: string[] = [];
  const creationKeys = Object.keys(cluster).filter((key) => !keysAllowedWithId.includes(key));
  if (cluster.id !== undefined && creationKeys.length > 0)
    problems.push(
      `cluster: ${creationKeys.join(", ")} cannot go with id: cluster ${cluster.id} exists already and keeps its shape. Leave ${creationKeys.length === 1 ? "it" : "them"} out, or leave id out for a new cluster`,
    );
  if (cluster.id !== undefined && keepMinutes > 0)
    problems.push(
      `keepMinutes: cluster ${cluster.id} ends at the time that was set when it was created, and runs cannot move that. Leave keepMinutes out`,
    );
  else if (keepMinutes > maxKeepMinutes)
    problems.push(
      `keepMinutes: ${keepMinutes} is more than the ${plural(maxKeepMinutes, "minute")} that this stack allows (maxKeepMinutes in its configuration)`,
    );
  return problems;
}

function labelProblems({ mode, label }: ExecutionInput): string[] {
  const { takesLabel } = modeProperties(mode);
  if (takesLabel && label === undefined)
    return [`label: mode "${mode}" needs one, such as {"mode": "${mode}", "label": "Apple Golden 1"}`];
  if (!takesLabel && label !== undefined)
    return [`label: only mode ${quoteNames(modesWithLabel)} takes one, and the mode is "${mode}". Leave it out`];
  return [];
}

function referenceProblems({ formats, reusedFeatures }: ExecutionInput): string[] {
  if (reusedFeatures !== "reference" || !formats?.includes("csv")) return [];
  return ['reusedFeatures: with "reference" a run writes no CSV. Leave "csv" out of formats, or reusedFeatures'];
}

function layoutProblems({ layout, splits }: ExecutionInput): string[] {
  if (layout !== "label" || splits === undefined) return [];
  return ['splits: a tree with the layout "label" has none. Leave splits out, or layout'];
}

/** @throws InvalidInput that lists the problems, unless there are none */
export function refuseIf(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new InvalidInput(
    `The input is refused${problems.length === 1 ? "" : `, ${problems.length} problems`}${colonAndItems(problems)}`,
  );
}

/**
 * Parses the execution input and fills in the defaults.
 *
 * @throws InvalidInput that lists every problem, not only the first
 */
export function parseInput(given: unknown, defaults: InputDefaults): ResolvedInput {
  refuseLargeInput(given);
  const parsed = executionInputSchema.safeParse(given, {
    error: (issue) => {
      if (issue.input === undefined) {
        return issue.code === "invalid_value"
          ? `is required; one of ${quoteNames(issue.values.map(String))}`
          : "is required";
      }
      if (issue.code === "invalid_value") {
        const values = issue.values.map(String);
        const [suggestion] = typeof issue.input === "string" ? nearestNames(issue.input, values, 1) : [];
        const hint = suggestion === undefined ? "" : ` Did you mean ${JSON.stringify(suggestion)}?`;
        return `${quoteValue(issue.input)} is not allowed; one of ${quoteNames(values)}.${hint}`;
      }
      // Zod's own message is good enough.
      return undefined;
    },
  });
  if (!parsed.success) refuseIf(parsed.error.issues.flatMap(describeIssue));
  const input = parsed.data as ExecutionInput;
  refuseIf([
    ...labelProblems(input),
    ...layoutProblems(input),
    ...referenceProblems(input),
    ...keptClusterProblems(input, defaults),
  ]);
  const imageTree = input.input ?? `s3://${defaults.bucket}/${defaults.inputPrefix}`;
  const { labelPrefix, defaultLimit, defaultSplit } = modeProperties(input.mode);
  const label = input.label ?? null;
  const limit = input.limit ?? defaultLimit;
  return {
    mode: input.mode,
    label,
    imageTree: imageTree.endsWith("/") ? imageTree : `${imageTree}/`,
    layout: input.layout ?? null,
    splits: input.splits ?? null,
    defaultSplit,
    limit,
    selectionRule: { labelPrefix, label, limit },
    pca:
      input.pca?.variance === undefined
        ? { components: input.pca?.components ?? defaults.pcaComponents ?? 50 }
        : { variance: input.pca.variance },
    formats: input.formats ?? (input.reusedFeatures === "reference" ? ["parquet"] : null),
    reusedFeatures: input.reusedFeatures ?? null,
    force: input.force ?? false,
    keepMinutes: input.keepMinutes ?? 0,
    quality: {
      maxErrorRate: input.quality?.maxErrorRate ?? 0.01,
      minVariance: input.quality?.minVariance ?? null,
    },
    maxMegapixels: input.maxMegapixels ?? defaultMaxMegapixels,
    exifRotation: input.exifRotation ?? false,
    jpegDraft: input.jpegDraft ?? false,
    precision: input.precision ?? "float32",
    maxCostUsd: input.maxCostUsd ?? defaults.maxCostUsd,
    cluster: input.cluster ?? {},
  };
}
