import type { Plan } from "../contract/plan.ts";
import { artifactKey } from "../contract/s3-layout.ts";
import type { PreflightConfig } from "./preflight-context.ts";

/** Describes the model that the stack has deployed, as plan.json records it. */
export function deployedModel(config: PreflightConfig): Plan["model"] {
  return {
    key: artifactKey(config.MODEL_SHA256, "model.tflite"),
    sha256: config.MODEL_SHA256,
    weights: config.MODEL_WEIGHTS,
    inputSize: config.MODEL_INPUT_SIZE,
    dimensions: config.MODEL_DIMENSIONS,
  };
}
