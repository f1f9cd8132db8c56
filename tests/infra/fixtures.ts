import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll } from "vitest";
import { type Config, configFromContext } from "../../infra/config.ts";
import { addStacks } from "../../infra/stacks.ts";

const artifacts = mkdtempSync(join(tmpdir(), "orchard-artifacts-"));
process.on("exit", () => rmSync(artifacts, { recursive: true, force: true }));

/** A small file in place of a large one. */
export const artifact = (name: string, content: string): string => {
  const path = join(artifacts, name);
  writeFileSync(path, content);
  return path;
};

/** What .orchard/ has when the project is set up, here without it. */
export const required: Readonly<Record<string, unknown>> = {
  modelFile: artifact("model.tflite", "the model"),
  modelWeights: "imagenet",
  wheelhouseFile: artifact("wheelhouse.tar", "the wheels"),
};

export const configWith = (knobs: Readonly<Record<string, unknown>> = {}, region?: string): Config =>
  configFromContext({ ...required, ...knobs }, region);

/** A folder that goes when the file's tests have run. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "orchard-infra-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** CloudFormation's rules as errors, as cdk.json has them. */
const context = { "@aws-cdk/core:validateAgainstDefaultRules": true };

export const newApp = (outdir?: string): App => new App({ context, ...(outdir ? { outdir } : {}) });

/** The pipeline's template; bundles and all else that is synthesised go to `outdir`. */
export const synthesise = (outdir: string, knobs: Readonly<Record<string, unknown>> = {}): Template =>
  Template.fromStack(addStacks(newApp(outdir), configWith(knobs)));
