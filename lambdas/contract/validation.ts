import { z } from "zod";

/** The figures that ValidateResults found in a run's results. */
export const validationSchema = z.object({
  images: z.int(),
  labels: z.int(),
  errors: z.int(),
  errorRate: z.number(),
  /** Images whose features this run computed; null when the run has no features. */
  computed: z.int().nullable(),
  /** Images whose features came from the store or an earlier run; null when the run has no features. */
  reused: z.int().nullable(),
  components: z.int().nullable(),
  variance: z.number().nullable(),
  warnings: z.array(z.string()),
  results: z.string(),
});
export type Validation = Readonly<z.output<typeof validationSchema>>;
