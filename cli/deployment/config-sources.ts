// Finds where each value of the configuration comes from.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { z } from "zod";
import { readKnobFile } from "../../infra/config/config.ts";
import { readTextFile } from "../../shared/read-text-file.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { personsFolder, root } from "../toolchain/places.ts";
import { type ConfigOptions, contextOf, withUsageErrors } from "./config-options.ts";
import { localContext } from "./deploy-locally.ts";

/** Values that have the same source. */
export interface Layer {
  readonly source: string;
  readonly values: Readonly<Record<string, unknown>>;
}

const contextSchema = z.record(z.string(), z.unknown());
const settingsSchema = z.object({ context: contextSchema.optional() });

/**
 * Lists the sources of the CDK's context, and the file of knobs that the context names. The first one with a value wins,
 * in the CDK's order: the command line, cdk.json, cdk.context.json, ~/.cdk.json.
 *
 * @param home folder with the person's .cdk.json
 * @throws UsageError when a file does not exist or is not JSON
 */
export function listLayers(options: ConfigOptions, folder = root, home = homedir()): readonly Layer[] {
  const { config } = contextOf({ config: options.config });
  const layers = [
    { source: "-c", values: options.context ?? {} },
    { source: "--email", values: options.email === undefined ? {} : { notificationEmail: options.email } },
    { source: "--config", values: config === undefined ? {} : { config } },
    { source: "cdk.json", values: readContext(join(folder, "cdk.json")) },
    { source: "cdk.context.json", values: readJson(join(folder, "cdk.context.json"), contextSchema) ?? {} },
    { source: "~/.cdk.json", values: readContext(join(home, ".cdk.json")) },
  ];
  const file = mergeLayers(layers)["config"];
  return file === undefined
    ? layers
    : [...layers, { source: nameOf(String(file)), values: withUsageErrors(() => readKnobFile(String(file))) }];
}

/** The sources of the configuration that `orchard local` deploys with. */
export function listLocalLayers(): readonly Layer[] {
  return [
    { source: "orchard local", values: localContext() },
    { source: "cdk.json", values: readContext(join(root, "cdk.json")) },
  ];
}

/** Merges the layers; the value of an earlier layer wins. */
export function mergeLayers(layers: readonly Layer[]): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...layers.toReversed().map(({ values }) => values));
}

/** The first source that has a value; undefined when none has. */
export function sourceOf(layers: readonly Layer[], key: string): string | undefined {
  return layers.find(({ values }) => Object.hasOwn(values, key))?.source;
}

function readContext(path: string): Layer["values"] {
  return readJson(path, settingsSchema)?.context ?? {};
}

function readJson<Parsed>(path: string, schema: z.ZodType<Parsed>): Parsed | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return schema.parse(JSON.parse(readTextFile(path)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${path} must hold one JSON object, as the CDK reads it: ${reason}`);
  }
}

/** Names a file of the current folder by its relative path, and any other by its full path. */
function nameOf(path: string): string {
  const short = relative(personsFolder(), path);
  return short.startsWith("..") ? path : short;
}
