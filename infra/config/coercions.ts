import { z } from "zod";
import { executionInputSchema } from "../../lambdas/contract/input.ts";

// Types of knobs. Each accepts text, as the command line gives it, and the values of a JSON file.

/** A number within bounds; an empty text is refused. */
export function number(min: number, max: number) {
  return numberFromText(z.number().min(min).max(max));
}

export function wholeNumber(min: number, max: number) {
  return numberFromText(z.int().min(min).max(max));
}

/** A list without repeats and with at least one entry: a JSON array, or text with commas. */
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

/** Lets a numeric knob, such as one of the contract, also be given as text. */
export function numberFromText<Knob extends z.ZodType>(knob: Knob) {
  const toNumber = (given: unknown): unknown =>
    typeof given === "string" && /^-?\d+(\.\d+)?$/.test(given) ? Number(given) : given;
  return z.preprocess(toNumber, knob).meta(knob.meta() ?? {});
}

/** Lets a boolean knob, such as one of the contract, also be given as text. */
export function flagFromText<Knob extends z.ZodType>(knob: Knob) {
  const toFlag = (given: unknown): unknown => (given === "true" ? true : given === "false" ? false : given);
  return z.preprocess(toFlag, knob).meta(knob.meta() ?? {});
}

export const flag = flagFromText(z.boolean());

export const timeZone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
});

/** An execution input: an object, or JSON as text. Its `overlap` is the knob scheduleOverlap. */
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
