import type { Plan } from "../contract/plan.ts";
import { artifactKey } from "../contract/s3-layout.ts";
import type { PreflightConfig } from "./preflight-context.ts";

/** Describes the model that the stack has deployed, as plan.json records it. */
export function deployedModel(config: PreflightConfig): Plan["model"] {
  return {
    key: artifactKey(config.MODEL_SHA256, `model.${config.MODEL_DESCRIPTION.format}`),
    sha256: config.MODEL_SHA256,
    ...config.MODEL_DESCRIPTION,
  };
}
