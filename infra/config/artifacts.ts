import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { type ModelDescription, modelDescriptionSchema } from "../../lambdas/contract/model.ts";
import { ConfigInvalid } from "./config.ts";
import type { Config } from "./knobs.ts";

const home = join(import.meta.dirname, "..", "..", ".orchard");

/** A file that runs need and the deployment publishes. */
export interface Artifact {
  readonly path: string;
  /** Hexadecimal digest of the content. */
  readonly sha256: string;
}

export interface Artifacts {
  readonly model: Artifact;
  readonly modelDescription: ModelDescription;
  readonly wheelhouse: Artifact;
  /** Undefined if the stack runs in float32 only. */
  readonly bf16Wheelhouse: Artifact | undefined;
}

function read(knob: string, path: string, remedy: string): Artifact {
  if (!existsSync(path)) throw new ConfigInvalid(`${knob}: given "${path}"; allowed: an existing file. ${remedy}`);
  return { path, sha256: createHash("sha256").update(readFileSync(path)).digest("hex") };
}

/** Prefers the wheels for the architecture to those for this machine, which `orchard start` makes. */
function defaultWheelhouse(architecture: Config["architecture"]): string {
  const forArchitecture = join(home, `wheelhouse-${architecture}`, "wheelhouse.tar");
  return existsSync(forArchitecture) ? forArchitecture : join(home, "wheelhouse", "wheelhouse.tar");
}

/** bootstrap/wheelhouse.py writes the platform of the wheels to .made-from beside the archive. */
function checkArchitecture(path: string, architecture: Config["architecture"]): void {
  const note = join(dirname(path), ".made-from");
  if (!existsSync(note)) return;
  const isArm = /aarch64|arm64/.test(readFileSync(note, "utf8"));
  if (isArm === (architecture === "arm64")) return;
  throw new ConfigInvalid(
    `wheelhouseFile: given "${path}", which is for another processor; allowed: one for ${architecture}. Make it: orchard wheelhouse --arch ${architecture}`,
  );
}

/** Reads model.json. The knob modelWeights overrides its weights, and a model without the file is MobileNetV2. */
function readDescription(path: string, model: Artifact, { modelWeights }: Config): ModelDescription {
  const described = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { readonly sha256?: string }) : {};
  if (described.sha256 !== undefined && described.sha256 !== model.sha256) {
    throw new ConfigInvalid(
      `modelFile: given "${model.path}", which ${path} does not describe: the sha256 differs; allowed: a model with its own model.json. Make both: orchard model --output`,
    );
  }
  const parsed = modelDescriptionSchema.safeParse({
    ...described,
    ...(modelWeights === undefined ? {} : { weights: modelWeights }),
  });
  if (parsed.success) return parsed.data;
  throw new ConfigInvalid(`modelFile: ${path} is not valid: ${z.prettifyError(parsed.error)}`);
}

/**
 * Finds the model and the wheels to publish: the files in the configuration, or else those in .orchard/.
 *
 * @throws ConfigInvalid with the knob whose file is missing or does not fit, and the command that makes the file; also
 *   when the model has fewer dimensions than `pcaComponents`
 */
export function readArtifacts(config: Config): Artifacts {
  const modelFile = resolve(config.modelFile ?? join(home, "model", "model.tflite"));
  const model = read("modelFile", modelFile, "Make it: orchard model");
  const info = join(dirname(modelFile), "model.json");
  if (!config.modelWeights && !existsSync(info)) {
    throw new ConfigInvalid(
      `modelWeights: not given; allowed: imagenet, file or seeded, or a model.json beside ${modelFile}`,
    );
  }
  const modelDescription = readDescription(info, model, config);
  if (config.pcaComponents > modelDescription.dimensions) {
    throw new ConfigInvalid(
      `pcaComponents: given ${config.pcaComponents}; allowed: at most ${modelDescription.dimensions}, the dimensions of the model's features`,
    );
  }
  const wheelhouseFile = resolve(config.wheelhouseFile ?? defaultWheelhouse(config.architecture));
  const wheelhouse = read(
    "wheelhouseFile",
    wheelhouseFile,
    `Make it: orchard wheelhouse --arch ${config.architecture}`,
  );
  checkArchitecture(wheelhouseFile, config.architecture);
  const bf16Wheelhouse =
    config.bf16WheelhouseFile === undefined
      ? undefined
      : read("bf16WheelhouseFile", resolve(config.bf16WheelhouseFile), "Make it: orchard wheelhouse --precision bf16");
  return { model, modelDescription, wheelhouse, bf16Wheelhouse };
}
