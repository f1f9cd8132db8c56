import { readFileSync } from "node:fs";
import { join } from "node:path";
import { places } from "./places.ts";

/** The description of the model artifact, model.json. */
export interface ModelInfo {
  readonly name: string;
  readonly weights: "imagenet" | "seeded";
  readonly sha256: string;
  readonly bytes: number;
}

export const seededWarning =
  "The weights are SEEDED RANDOM NUMBERS, not ImageNet's: everything runs, but the features mean nothing. With a network, `npm run model -- --force` makes the real model.";

/** @throws Error when the model has not been made */
export function readModelInfo(): ModelInfo {
  return JSON.parse(readFileSync(join(places.model, "model.json"), "utf8"));
}
