import { existsSync } from "node:fs";
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { readTextFile } from "../../shared/read-text-file.ts";
import { findCrossProblems } from "./cross-checks.ts";
import { type Config, configSchema } from "./knobs.ts";

const { shape } = configSchema;

/** A configuration that cannot be deployed; the message lists every wrong knob. */
export class ConfigInvalid extends Error {
  override readonly name = "ConfigInvalid";
}

function describeUnknownKnob(key: string): string {
  const [nearest] = Object.keys(shape).sort((a, b) => distance(a, key) - distance(b, key));
  return `${key}: there is no such knob; did you mean ${nearest}? Allowed: ${Object.keys(shape).join(", ")}`;
}

function describeIssue(issue: z.core.$ZodIssue, given: Readonly<Record<string, unknown>>): readonly string[] {
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) return issue.keys.map(describeUnknownKnob);
  const [knob, ...path] = issue.path as [keyof Config];
  const value = given[knob];
  const valueText = value === undefined ? "not given" : `given ${JSON.stringify(value)}`;
  // The execution input is the only knob with keys of its own, so say which of them is wrong.
  const reason = knob === "scheduleInput" ? ` (${[...path, issue.message].join(": ")})` : "";
  return [`${knob}: ${valueText}; allowed: ${shape[knob].description}${reason}`];
}

/** CDK's own context keys contain a colon, a slash or an at sign. */
function isKnob(key: string): boolean {
  return /^\w+$/.test(key);
}

const fileSchema = z.record(z.string(), z.unknown());

/** @throws ConfigInvalid when the file of the key `config` does not exist or is not a JSON object */
export function readKnobFile(path: string): Readonly<Record<string, unknown>> {
  if (!existsSync(path)) throw new ConfigInvalid(`config: given "${path}"; allowed: a JSON file that exists`);
  try {
    return fileSchema.parse(JSON.parse(readTextFile(path)));
  } catch (error) {
    throw new ConfigInvalid(`config: given "${path}"; allowed: a file with one JSON object of knobs`, { cause: error });
  }
}

/**
 * Reads the deployment's configuration from CDK context (`cdk deploy -c key=value`, or cdk.json) and from the JSON file
 * in the key `config`. Context takes precedence.
 *
 * @param context all of the app's context; CDK's own keys are ignored
 * @param region of the stack, if it is known at synthesis
 * @throws ConfigInvalid that lists every wrong knob with its value and the allowed ones
 */
export function configFromContext(context: Readonly<Record<string, unknown>>, region?: string): Config {
  const { config: file, ...knobs } = Object.fromEntries(Object.entries(context).filter(([key]) => isKnob(key)));
  const given = { ...(file === undefined ? {} : readKnobFile(String(file))), ...knobs };
  const parsed = configSchema.safeParse(given);
  const problems = parsed.success
    ? findCrossProblems(parsed.data, region)
    : [...new Set(parsed.error.issues.flatMap((issue) => describeIssue(issue, given)))];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ConfigInvalid(
    `The configuration is wrong (knobs are given as -c key=value, or in a file: -c config=orchard.config.json):\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
  );
}
