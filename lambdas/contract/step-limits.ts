import { z } from "zod";

/** Lists the causes of a step's time limit: the quote, the least or the most that a step gets, or the run's maxCostUsd. */
export const limitBounds = ["quote", "least", "most", "maxCostUsd"] as const;

const stepLimitSchema = z.object({
  /** TimeoutSeconds of the state that runs the step. */
  seconds: z.int().min(1),
  bound: z.enum(limitBounds),
});
export type StepLimit = Readonly<z.output<typeof stepLimitSchema>>;

/**
 * The longest time that a step gets, for any number of images. One task lists ten million images in 1.4 hours, and a single
 * node with four vCPUs extracts their features in 22 hours. On a larger cluster, four times their quote fits.
 */
export const mostSeconds = { inventory: 14_400, features: 86_400, reduction: 14_400 } as const;

export const stepLimitsSchema = z.object({
  inventory: stepLimitSchema,
  features: stepLimitSchema,
  reduction: stepLimitSchema,
});
export type StepLimits = Readonly<z.output<typeof stepLimitsSchema>>;
