import { z } from "zod";
import { executionInputSchema } from "../../lambdas/contract/input.ts";

// Kinds of knobs. Each takes what the command line gives (text) and what a JSON file gives (any type), and says in its
// description what is allowed, as the error message quotes it.

/** A whole or fractional number within bounds. An empty text is no number. */
export function number(min: number, max: number, { whole = false } = {}) {
  return z
    .union([
      z.number(),
      z
        .string()
        .regex(/^-?\d+(\.\d+)?$/)
        .transform(Number),
    ])
    .pipe(whole ? z.int().min(min).max(max) : z.number().min(min).max(max));
}

export function wholeNumber(min: number, max: number) {
  return number(min, max, { whole: true });
}

export const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((value) => value === "true")]);

/** A list: JSON's own, or a text with commas. Never empty, no entry twice. */
export function list(entry: RegExp) {
  return z
    .union([z.array(z.string()), z.string().transform((text) => text.split(",").map((part) => part.trim()))])
    .pipe(
      z
        .array(z.string().regex(entry))
        .min(1)
        .refine((entries) => new Set(entries).size === entries.length),
    );
}

export const memory = z.string().regex(/^[1-9]\d*[mg]$/);
export const memoryAllowed = 'a size as Spark takes it, such as "6g" or "512m"';

export const timeZone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
});

/** A JSON file's object, or JSON as text. What a schedule does about overlaps is a knob of its own. */
export const executionInput = z.preprocess(
  (given, context) => {
    if (typeof given !== "string") return given;
    try {
      return JSON.parse(given);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  },
  executionInputSchema.omit({ overlap: true }),
);
