import { z } from "zod";

/** A run's actual cost next to its quote, in US dollars and in minutes of the cluster's lifetime. */
export const costSchema = z.object({
  quotedUsd: z.number(),
  actualUsd: z.number(),
  /** Positive when the run was more expensive than quoted; null when there was no quote. */
  forecastErrorPercent: z.number().nullable(),
  minutes: z.object({ quoted: z.number(), actual: z.number() }),
  /** False while the cluster still runs: `actualUsd` is then the cost so far. */
  isFinal: z.boolean(),
  /** True while the cluster runs and nothing has terminated it yet. */
  isAlive: z.boolean(),
  arithmetic: z.string(),
});
export type Cost = Readonly<z.output<typeof costSchema>>;
