import type { Precision } from "../../lambdas/contract/choices.ts";
import { type Layout, layouts } from "../../lambdas/contract/image-tree.ts";
import { type Mode, modeProperties, modesWithLabel } from "../../lambdas/contract/modes.ts";
import { readTextFile } from "../../shared/read-text-file.ts";
import { UsageError } from "../terminal/command-errors.ts";

/** The command-line options that describe an execution, by commander's names. */
export interface InputOptions {
  readonly mode?: Mode | undefined;
  readonly label?: string | undefined;
  readonly splits?: readonly string[] | undefined;
  readonly layout?: Layout | undefined;
  readonly limit?: number | undefined;
  readonly components?: number | undefined;
  readonly variance?: number | undefined;
  readonly precision?: Precision | undefined;
  readonly force?: true | undefined;
  readonly keepMinutes?: number | undefined;
  readonly clusterId?: string | undefined;
  readonly input?: string | undefined;
}

/** The JSON given to start-execution. Preflight validates it. */
export type ExecutionInput = Readonly<Record<string, unknown>>;

/**
 * Builds the execution input from the command's options. It only checks how the options combine; Preflight checks the
 * rest against the data.
 *
 * @throws UsageError when options exclude each other, or the input file is unusable
 */
export function makeExecutionInput(options: InputOptions): ExecutionInput {
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
  const { mode = "mini", label, splits, layout, limit, components, variance } = keys;
  const { precision, force, keepMinutes, clusterId } = keys;
  const { takesLabel } = modeProperties(mode);
  if (takesLabel && label === undefined) {
    throw new UsageError(`--mode ${mode} needs a label, for instance: --label "Apple Golden 1"`);
  }
  if (!takesLabel && label !== undefined) {
    throw new UsageError(`--label goes with --mode ${modesWithLabel.join(" or ")}, not with --mode ${mode}.`);
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
    ...(splits === undefined ? {} : { splits }),
    ...(layout === undefined ? {} : { layout }),
    ...(limit === undefined ? {} : { limit }),
    ...(pca === undefined ? {} : { pca }),
    ...(precision === undefined ? {} : { precision }),
    ...(force === undefined ? {} : { force }),
    ...(keepMinutes === undefined ? {} : { keepMinutes }),
    ...(clusterId === undefined ? {} : { cluster: { id: clusterId } }),
  };
}

/** The layout that an execution input asks for; undefined if it names none, or one that Preflight will refuse. */
export function layoutOf({ layout }: ExecutionInput): Layout | undefined {
  return layouts.find((known) => known === layout);
}

/** Name of the option for a key: `--cluster-id` for clusterId. */
function optionOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Checks that the embedded account lives as long as the clusters that the input asks for. A cluster ends with its
 * account. To keep a cluster, the account must go on after the command, and to reuse one, it must be running already.
 *
 * @throws UsageError when the account would end, or is not running
 */
export function requireLastingAccount(
  executionInput: ExecutionInput,
  { keep, isRunning }: { readonly keep: boolean; readonly isRunning: boolean },
): void {
  const { keepMinutes, cluster } = executionInput;
  if (typeof keepMinutes === "number" && keepMinutes > 0 && !keep && !isRunning) {
    throw new UsageError(
      "keepMinutes needs --keep: without it the account ends with this command, and the cluster with the account.",
    );
  }
  if (typeof cluster === "object" && cluster !== null && "id" in cluster && !isRunning) {
    throw new UsageError(
      `There is no cluster ${String(cluster.id)}: no account is running. Begin with: orchard start --keep --keep-minutes 30`,
    );
  }
}

function readInputFile(path: string): ExecutionInput {
  let text: string;
  try {
    text = readTextFile(path);
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
