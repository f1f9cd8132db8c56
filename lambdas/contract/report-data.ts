import { z } from "zod";
import { costSchema } from "./cost.ts";
import { reportFiguresSchema } from "./report-figures.ts";
import { validationSchema } from "./validation.ts";

// The data of report.html, which WriteReport puts into the page as gzipped JSON.

/** A bar of the timeline: a state of the workflow or a step of the cluster. Times are in milliseconds since 1970. */
const spanSchema = z.object({
  kind: z.enum(["state", "cluster", "step"]),
  name: z.string(),
  startedAt: z.number(),
  endedAt: z.number(),
  outcome: z.enum(["succeeded", "failed", "running"]),
});

export const reportDataSchema = z.object({
  run: z.object({
    id: z.string(),
    executionArn: z.string(),
    mode: z.string(),
    /** Folder of the results, as an S3 URI. */
    results: z.string(),
    input: z.record(z.string(), z.unknown()),
    startedAt: z.string(),
    writtenAt: z.string(),
    /** False on the embedded account, which has no cost and no AWS console. */
    onAws: z.boolean(),
  }),
  model: z.object({ name: z.string(), weights: z.string(), sha256: z.string() }),
  validation: validationSchema,
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  variance: z.object({ ratios: z.array(z.number()), cumulative: z.array(z.number()) }),
  errors: z.array(z.object({ reason: z.string(), images: z.int(), examples: z.array(z.string()) })),
  quote: z.object({ minutes: z.number(), usd: z.number() }).nullable(),
  cost: costSchema.nullable(),
  cluster: z.string().nullable(),
  timeline: z.array(spanSchema),
  /** Null if the job wrote no figures; `figuresMissing` then says why. */
  figures: reportFiguresSchema.nullable(),
  figuresMissing: z.string().nullable(),
});
export type ReportData = Readonly<z.output<typeof reportDataSchema>>;
