import { renderConfigurationReference } from "../infra/config/configuration-reference.ts";
import { renderInputReference } from "./input-reference.ts";
import { renderScaleReference } from "./scale-reference.ts";

/** The generated documents: the path from the root of the repository, and the function that renders the text. */
export const references: Readonly<Record<string, () => string>> = {
  "docs/configuration.md": renderConfigurationReference,
  "docs/input.md": renderInputReference,
  "docs/scale.md": renderScaleReference,
};
