// The options of `start` and `run` that describe an execution.
import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import { precisions } from "../../lambdas/contract/choices.ts";
import { layouts } from "../../lambdas/contract/image-tree.ts";
import { modeProperties, modes, modesWithLabel } from "../../lambdas/contract/modes.ts";
import { UsageError } from "../terminal/command-errors.ts";

/** Also an option of `upload`, which has no execution input. */
export const layoutOption = new Option(
  "--layout <layout>",
  "the folders above an image, if they are not to be detected",
).choices(layouts);

const inputOptions = {
  mode: new Option(
    "--mode <mode>",
    `${modes.map((mode) => `${mode}: ${modeProperties(mode).description}`).join("; ")} (default: mini)`,
  ).choices(modes),
  label: new Option("--label <label>", `the label of --mode ${modesWithLabel.join(" or ")}`),
  splits: new Option(
    "--splits <names...>",
    "the top folders to use, also separated by commas (default: Training where there is one, else all)",
  ).argParser(parseSplits),
  layout: layoutOption,
  limit: new Option("--limit <images>", "use at most this many images").argParser(parseLimit),
  components: new Option("--components <k>", "principal components to keep (default: 50)").argParser(parseComponents),
  variance: new Option("--variance <share>", "keep the fewest components that reach this share, 0 to 1").argParser(
    parseVariance,
  ),
  precision: new Option("--precision <precision>", "numbers in which the model computes (default: float32)").choices(
    precisions,
  ),
  force: new Option("--force", "compute again what earlier runs have computed"),
  keepMinutes: new Option(
    "--keep-minutes <minutes>",
    "leave the cluster after a success for so long; with --keep",
  ).argParser(parseKeepMinutes),
  clusterId: new Option("--cluster-id <id>", "run on a cluster that --keep-minutes left"),
  input: new Option("--input <file>", "the execution's whole input, as a JSON file"),
} as const;

/** Adds the options to a command, in the order of its help. */
export function addInputOptions<Options extends OptionValues>(command: Command<[], Options>) {
  return command
    .addOption(inputOptions.mode)
    .addOption(inputOptions.label)
    .addOption(inputOptions.splits)
    .addOption(inputOptions.layout)
    .addOption(inputOptions.limit)
    .addOption(inputOptions.components)
    .addOption(inputOptions.variance)
    .addOption(inputOptions.precision)
    .addOption(inputOptions.force)
    .addOption(inputOptions.keepMinutes)
    .addOption(inputOptions.clusterId)
    .addOption(inputOptions.input);
}

function parseWholeNumber(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) {
    const allowed = high === Number.MAX_SAFE_INTEGER ? `of ${low} or more` : `from ${low} to ${high}`;
    throw new UsageError(`${name} must be a whole number ${allowed}, not "${text}".`);
  }
  return value;
}

/** Collects the names of `--splits a b` and `--splits a,b`. Only the execution input can name a split with a comma. */
function parseSplits(text: string, earlier: readonly string[] | undefined): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new UsageError(`--splits must name folders, such as Training,Test, not "${text}".`);
  return [...(earlier ?? []), ...names];
}

function parseLimit(text: string): number {
  return parseWholeNumber("--limit", text, 2, Number.MAX_SAFE_INTEGER);
}

function parseComponents(text: string): number {
  return parseWholeNumber("--components", text, 1, Number.MAX_SAFE_INTEGER);
}

function parseKeepMinutes(text: string): number {
  return parseWholeNumber("--keep-minutes", text, 1, Number.MAX_SAFE_INTEGER);
}

/** @throws UsageError for anything but a whole number of 1 or more */
export function parseCount(option: string, text: string): number {
  return parseWholeNumber(option, text, 1, Number.MAX_SAFE_INTEGER);
}

/** @throws UsageError for anything but an amount of US dollars */
export function parseUsd(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) {
    throw new UsageError(`${option} must be US dollars, such as 2.50, not "${text}".`);
  }
  return value;
}

/** @throws UsageError for anything but a port number */
export function parsePort(text: string): number {
  return parseWholeNumber("--port", text, 1, 65_535);
}

function parseVariance(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value <= 1)) {
    throw new UsageError(`--variance must be a number above 0 and at most 1, not "${text}".`);
  }
  return value;
}
