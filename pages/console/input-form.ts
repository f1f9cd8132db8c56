import { maxKeepMinutesBound } from "../../lambdas/contract/input.ts";
import { parseInput } from "../../lambdas/preflight/parse-input.ts";
import { formatCount } from "../../shared/formatting.ts";

/** The part of JSON Schema that the execution input's schema has. */
export interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** The default where it depends on something else, in Markdown. */
  readonly defaultText?: string;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly string[];
  readonly items?: FieldSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses a JSON object; undefined for any other text. */
export function readObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the object with a new value of a key. If the value is undefined or an empty object, the key is left out. */
export function setKey(object: JsonObject, key: string, value: unknown): JsonObject {
  const { [key]: _, ...rest } = object;
  const isLeftOut = value === undefined || (isObject(value) && Object.keys(value).length === 0);
  if (isLeftOut) return rest;
  return key in object ? { ...object, [key]: value } : { ...rest, [key]: value };
}

/** Stands for the settings of the stack, which this page does not know. The workflow checks an input against them. */
const anyStack = { bucket: "bucket", inputPrefix: "", maxCostUsd: 1, maxKeepMinutes: maxKeepMinutesBound };

/** Returns the workflow's own message if it would refuse an execution input, else undefined. */
export function problemIn(text: string): string | undefined {
  try {
    parseInput(JSON.parse(text), anyStack);
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return `The input is no JSON: ${error.message}`;
    if (error instanceof Error) return error.message;
    throw error;
  }
}

/** The bounds of a number in words; empty for another type, or if a bound is missing. */
export function boundsOf({ type, minimum, maximum, exclusiveMinimum }: FieldSchema): string {
  if (type !== "integer" && type !== "number") return "";
  const least = minimum ?? exclusiveMinimum;
  if (least === undefined || maximum === undefined) return "";
  const from = exclusiveMinimum === undefined ? formatCount(least) : `more than ${formatCount(least)}`;
  return `${type === "integer" ? "A whole number, " : "A number, "}${from} to ${formatCount(maximum)}.`;
}

/** The default in words; empty without one. */
export function defaultOf({ default: value, defaultText }: FieldSchema): string {
  if (defaultText !== undefined) return defaultText;
  if (value === undefined) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}
