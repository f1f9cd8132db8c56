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

/** A small file in place of a large one. */
export function artifact(name: string, content: string): string {
  const path = join(artifacts, name);
  writeFileSync(path, content);
  return path;
}

/** What .orchard/ has when the project is set up, here without it. */
export const required: Readonly<Record<string, unknown>> = {
  modelFile: artifact("model.tflite", "the model"),
  modelWeights: "imagenet",
  wheelhouseFile: artifact("wheelhouse.tar", "the wheels"),
};

export function configWith(knobs: Readonly<Record<string, unknown>> = {}, region?: string): Config {
  return configFromContext({ ...required, ...knobs }, region);
}

/** A folder that goes when the file's tests have run. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "orchard-infra-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** CloudFormation's rules as errors, as cdk.json has them. */
const context = { "@aws-cdk/core:validateAgainstDefaultRules": true };

export function newApp(outdir?: string): App {
  return new App({ context, ...(outdir ? { outdir } : {}) });
}

/** The pipeline's template; bundles and all else that is synthesised go to `outdir`. */
export function synthesise(outdir: string, knobs: Readonly<Record<string, unknown>> = {}): Template {
  return Template.fromStack(addStacks(newApp(outdir), configWith(knobs)));
}
