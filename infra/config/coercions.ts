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

/** A numeric knob of the contract, which may also be given as text. Other text stays as it is and is refused. */
export function numberFromText<Knob extends z.ZodType>(knob: Knob) {
  const toNumber = (given: unknown): unknown =>
    typeof given === "string" && /^-?\d+(\.\d+)?$/.test(given) ? Number(given) : given;
  return z.preprocess(toNumber, knob).describe(knob.description ?? "");
}

/** A yes-or-no knob of the contract, which may also be given as text. */
export function flagFromText<Knob extends z.ZodType>(knob: Knob) {
  const toFlag = (given: unknown): unknown => (given === "true" ? true : given === "false" ? false : given);
  return z.preprocess(toFlag, knob).describe(knob.description ?? "");
}

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
