import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import type { PlanRequest } from "../../../lambdas/planning/planner.ts";

export const everyStep = { inventory: true, features: true, reduction: true, any: true };

/** Asks for the plan of a run that computes all its images. */
export function planRequest(images: number, changes: Partial<PlanRequest> = {}, defaults: object = {}): PlanRequest {
  return {
    runId: "run-1",
    bucket: "data",
    work: { images, newImages: images, steps: everyStep },
    maxMegapixels: 80,
    overrides: {},
    defaults: clusterDefaultsSchema.parse(defaults),
    maxCostUsd: 10,
    keepMinutes: 0,
    region: "eu-west-1",
    ...changes,
  };
}
