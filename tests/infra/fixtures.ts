import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll } from "vitest";
import { configFromContext } from "../../infra/config/config.ts";
import type { Config } from "../../infra/config/knobs.ts";
import { addStacks } from "../../infra/stacks/stacks.ts";

const artifacts = mkdtempSync(join(tmpdir(), "orchard-artifacts-"));
process.on("exit", () => rmSync(artifacts, { recursive: true, force: true }));

/** Writes a small file as a stand-in for a model or a wheelhouse. */
export function artifact(name: string, content: string): string {
  const path = join(artifacts, name);
  writeFileSync(path, content);
  return path;
}

/** Stand-ins for the artifacts that the set-up makes in .orchard/. */
export const required: Readonly<Record<string, unknown>> = {
  modelFile: artifact("model.tflite", "the model"),
  modelWeights: "imagenet",
  wheelhouseFile: artifact("wheelhouse.tar", "the wheels"),
};

export function configWith(knobs: Readonly<Record<string, unknown>> = {}, region?: string): Config {
  return configFromContext({ ...required, ...knobs }, region);
}

/** Makes a folder that is removed after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "orchard-infra-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Turns CDK's rules for CloudFormation into errors, like cdk.json. */
const context = { "@aws-cdk/core:validateAgainstDefaultRules": true };

export function newApp(outdir?: string): App {
  return new App({ context, ...(outdir ? { outdir } : {}) });
}

/** Synthesizes all stacks into `outdir` and returns the pipeline's template. */
export function synthesize(outdir: string, knobs: Readonly<Record<string, unknown>> = {}): Template {
  return Template.fromStack(addStacks(newApp(outdir), configWith(knobs)));
}
