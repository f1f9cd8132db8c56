import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { type Config, ConfigInvalid } from "./config.ts";

const home = join(import.meta.dirname, "..", "..", ".orchard");

/** A file that a run needs, and that the deployment publishes. */
export interface Artifact {
  readonly path: string;
  /** Hexadecimal, of its content. */
  readonly sha256: string;
}

export interface Artifacts {
  readonly model: Artifact & { readonly weights: "imagenet" | "seeded" };
  readonly wheelhouse: Artifact;
}

const modelInfo = z.object({ weights: z.enum(["imagenet", "seeded"]) });

function read(knob: string, path: string, remedy: string): Artifact {
  if (!existsSync(path)) throw new ConfigInvalid(`${knob}: given "${path}"; allowed: a file that is there. ${remedy}`);
  return { path, sha256: createHash("sha256").update(readFileSync(path)).digest("hex") };
}

/** The wheels of the architecture, or else those of this machine, which `npm start` has made. */
function defaultWheelhouse(architecture: Config["architecture"]): string {
  const [own, machine] = [`wheelhouse-${architecture}`, "wheelhouse"].map((folder) =>
    join(home, folder, "wheelhouse.tar"),
  );
  return existsSync(own ?? "") ? (own ?? "") : (machine ?? "");
}

/** bootstrap/wheelhouse.py says beside the archive what it was made for. */
function checkArchitecture(path: string, architecture: Config["architecture"]): void {
  const note = join(dirname(path), ".made-from");
  if (!existsSync(note)) return;
  const isArm = /aarch64|arm64/.test(readFileSync(note, "utf8"));
  if (isArm === (architecture === "arm64")) return;
  throw new ConfigInvalid(
    `wheelhouseFile: given "${path}", which is for another processor; allowed: one for ${architecture}. Make it: npm run wheelhouse -- --arch ${architecture}`,
  );
}

/**
 * The model and the wheels that a deployment publishes: the files that the configuration names, or those of .orchard/.
 *
 * @throws ConfigInvalid that names the knob whose file is missing or does not fit, and the command that makes it
 */
export function readArtifacts(config: Config): Artifacts {
  const modelFile = resolve(config.modelFile ?? join(home, "model", "model.tflite"));
  const model = read("modelFile", modelFile, "Make it: npm run model");
  const info = join(dirname(modelFile), "model.json");
  if (!config.modelWeights && !existsSync(info)) {
    throw new ConfigInvalid(
      `modelWeights: not given; allowed: imagenet or seeded, or a model.json beside ${modelFile}`,
    );
  }
  const weights = config.modelWeights ?? modelInfo.parse(JSON.parse(readFileSync(info, "utf8"))).weights;
  const wheelhouseFile = resolve(config.wheelhouseFile ?? defaultWheelhouse(config.architecture));
  const wheelhouse = read(
    "wheelhouseFile",
    wheelhouseFile,
    `Make it: npm run wheelhouse -- --arch ${config.architecture}`,
  );
  checkArchitecture(wheelhouseFile, config.architecture);
  return { model: { ...model, weights }, wheelhouse };
}
