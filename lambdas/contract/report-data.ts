import { z } from "zod";
import { modelWeights, precisions } from "./choices.ts";
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

/** Parts of the data that can be missing: the run does not have them, or they could not be read. */
const missingPartSchema = z.object({
  part: z.enum(["checks", "variance", "errors", "figures", "timeline", "cost"]),
  reason: z.string(),
});
export type MissingPart = Readonly<z.output<typeof missingPartSchema>>;

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
  /** The name is null for a run without features. */
  model: z.object({
    name: z.string().nullable(),
    weights: z.enum(modelWeights),
    sha256: z.string(),
    precision: z.enum(precisions),
  }),
  validation: validationSchema,
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  /** Share of the variance that each component explains, and their running sum, from 0 to 1. */
  variance: z.object({ ratios: z.array(z.number()), cumulative: z.array(z.number()) }).nullable(),
  errors: z.array(z.object({ reason: z.string(), images: z.int(), examples: z.array(z.string()) })),
  quote: z.object({ minutes: z.number(), usd: z.number() }).nullable(),
  cost: costSchema.nullable(),
  cluster: z.string().nullable(),
  timeline: z.array(spanSchema),
  figures: reportFiguresSchema.nullable(),
  /** Every part above that is null or empty because it is missing, with the reason. */
  missing: z.array(missingPartSchema),
});
export type ReportData = Readonly<z.output<typeof reportDataSchema>>;
export type Span = Readonly<z.output<typeof spanSchema>>;
