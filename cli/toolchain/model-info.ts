import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { modelWeights } from "../../lambdas/contract/choices.ts";
import { places } from "./places.ts";

/** The description of the model artifact, model.json. */
export interface ModelInfo {
  readonly name: string;
  readonly weights: (typeof modelWeights)[number];
  /** Digest of the file of weights; null for seeded ones. Models from before it was recorded lack it. */
  readonly weightsSha256?: string | null;
  readonly sha256: string;
  readonly bytes: number;
}

/** @throws Error when the model has not been made */
export function readModelInfo(folder: string = places.model): ModelInfo {
  return JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
}
