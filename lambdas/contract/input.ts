import { z } from "zod";
import { instanceTypes } from "../catalog/instance-types.ts";
import { formats, modes, overlaps } from "./choices.ts";
import { clusterKnobs, maxCoreNodes } from "./cluster-knobs.ts";

const type = z.enum(Object.keys(instanceTypes));
/** S3's limit of a key. Bounds keep the state data far below Step Functions' limit of 256 KiB, whatever the input. */
const maxNameLength = 1024;
const name = z.string().min(1).max(maxNameLength);
const maxSplits = 100;
function isWithoutRepeats(list: readonly string[]): boolean {
  return new Set(list).size === list.length;
}

/** The execution's input. Preflight fills in the defaults that depend on the mode or on the stack. */
export const executionInputSchema = z.strictObject({
  mode: z.enum(modes),
  label: name.optional(),
  input: z
    .string()
    .max(maxNameLength)
    .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/s, "must be s3://bucket/prefix")
    .optional(),
  splits: z
    .array(name)
    .min(1)
    .max(maxSplits)
    .refine(isWithoutRepeats, { message: "must not name a split twice" })
    .optional(),
  limit: z.int().min(2).optional(),
  pca: z
    .strictObject({ components: z.int().min(1).optional(), variance: z.number().gt(0).lte(1).optional() })
    .refine(({ components, variance }) => (components === undefined) !== (variance === undefined), {
      message: 'must be either {"components": k} or {"variance": v}',
    })
    .optional(),
  formats: z
    .array(z.enum(formats))
    .min(1)
    .refine(isWithoutRepeats, { message: "must not name a format twice" })
    .optional(),
  force: z.boolean().optional(),
  maxCostUsd: z.number().positive().optional(),
  cluster: z
    .strictObject({
      id: z
        .string()
        .regex(/^j-[A-Z0-9]{1,30}$/, "must be a cluster's id, such as j-2AXXXXXXGAPLF")
        .optional(),
      primaryType: type.optional(),
      coreType: type.optional(),
      /** 0 asks for a single-node cluster. */
      coreCount: z.int().min(0).max(maxCoreNodes).optional(),
      market: clusterKnobs.market.unwrap().optional(),
      ebsGiB: clusterKnobs.ebsGiB.unwrap().optional(),
      executorMemory: clusterKnobs.executorMemory,
      executorMemoryOverhead: clusterKnobs.executorMemoryOverhead,
    })
    .optional(),
  keepMinutes: z.int().min(0).optional(),
  /** TakeTurn has read it before: here it is only checked. */
  overlap: z.enum(overlaps).optional(),
  quality: z
    .strictObject({
      maxErrorRate: z.number().min(0).max(1).optional(),
      minVariance: z.number().gt(0).lte(1).optional(),
    })
    .optional(),
});
export type ExecutionInput = Readonly<z.output<typeof executionInputSchema>>;
