import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { UsageError } from "../terminal/command-errors.ts";

export const modes = ["inventory", "mini", "apples", "full", "single-class"] as const;
export type Mode = (typeof modes)[number];

/** MobileNetV2's features have this many dimensions, so a PCA cannot have more components. */
const featureDimensions = 1_280;

export interface InputOptions {
  readonly mode?: Mode | undefined;
  readonly label?: string | undefined;
  readonly limit?: number | undefined;
  readonly components?: number | undefined;
  readonly variance?: number | undefined;
  readonly force?: true | undefined;
  readonly keepMinutes?: number | undefined;
  readonly clusterId?: string | undefined;
  readonly input?: string | undefined;
}

export type ExecutionInput = Readonly<Record<string, unknown>>;

/**
 * The state machine's input from the command's options.
 * Only what needs no look at the data is checked here; Preflight checks all of it.
 *
 * @throws UsageError
 */
export function executionInput(options: InputOptions): ExecutionInput {
  const { input, ...keys } = options;
  if (input !== undefined) {
    const given = Object.entries(keys).filter(([, value]) => value !== undefined);
    if (given.length > 0) {
      throw new UsageError(
        `--input gives the whole input: it cannot go with ${given.map(([key]) => optionOf(key)).join(", ")}.`,
      );
    }
    return readInputFile(input);
  }
  const { mode = "mini", label, limit, components, variance, force, keepMinutes, clusterId } = keys;
  if (mode === "single-class" && label === undefined) {
    throw new UsageError('--mode single-class needs a label, for instance: --label "Apple Golden 1"');
  }
  if (mode !== "single-class" && label !== undefined) {
    throw new UsageError(`--label goes with --mode single-class, not with --mode ${mode}.`);
  }
  if (components !== undefined && variance !== undefined) {
    throw new UsageError(
      "--components and --variance exclude each other: give the number of components or the variance to keep.",
    );
  }
  const pca = components !== undefined ? { components } : variance !== undefined ? { variance } : undefined;
  return {
    mode,
    ...(label === undefined ? {} : { label }),
    ...(limit === undefined ? {} : { limit }),
    ...(pca === undefined ? {} : { pca }),
    ...(force === undefined ? {} : { force }),
    ...(keepMinutes === undefined ? {} : { keepMinutes }),
    ...(clusterId === undefined ? {} : { cluster: { id: clusterId } }),
  };
}

/** `--cluster-id` of clusterId. */
function optionOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * On this machine a cluster lives only as long as the account: one that is to be kept needs an account that goes on, and
 * one that was kept an account that has gone on.
 *
 * @throws UsageError
 */
export function requireLastingAccount(
  input: ExecutionInput,
  { keep, isRunning }: { readonly keep: boolean; readonly isRunning: boolean },
): void {
  const { keepMinutes, cluster } = input;
  if (typeof keepMinutes === "number" && keepMinutes > 0 && !keep && !isRunning) {
    throw new UsageError(
      "keepMinutes needs --keep: without it the account ends with this command, and the cluster with the account.",
    );
  }
  if (typeof cluster === "object" && cluster !== null && "id" in cluster && !isRunning) {
    throw new UsageError(
      `There is no cluster ${String(cluster.id)}: no account is running. Begin with: npm start -- --keep --keep-minutes 30`,
    );
  }
}

function readInputFile(path: string): ExecutionInput {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`The input file ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`The input file ${path} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`The input file ${path} must hold one JSON object, for instance {"mode": "mini"}.`);
  }
  return { ...parsed };
}

function wholeNumber(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) {
    const allowed = high === Number.MAX_SAFE_INTEGER ? `of ${low} or more` : `from ${low} to ${high}`;
    throw new UsageError(`${name} must be a whole number ${allowed}, not "${text}".`);
  }
  return value;
}

export function parseLimit(text: string): number {
  return wholeNumber("--limit", text, 2, Number.MAX_SAFE_INTEGER);
}
export function parseComponents(text: string): number {
  return wholeNumber("--components", text, 1, featureDimensions);
}
export function parseKeepMinutes(text: string): number {
  return wholeNumber("--keep-minutes", text, 1, Number.MAX_SAFE_INTEGER);
}
export function parsePort(text: string): number {
  return wholeNumber("--port", text, 1, 65_535);
}

export function parseVariance(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value <= 1)) {
    throw new UsageError(`--variance must be a number above 0 and at most 1, not "${text}".`);
  }
  return value;
}

/** A new execution's name: when it began (UTC), and four hexadecimal digits against two in one second. */
export function newRunId(now: Date): string {
  const [date = "", time = ""] = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").split("T");
  return `run-${date}-${time}-${randomBytes(2).toString("hex")}`;
}
