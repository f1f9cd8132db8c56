import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll } from "vitest";
import { type Config, configFromContext } from "../../infra/config.ts";
import { PipelineStack } from "../../infra/pipeline-stack.ts";

/** The least that a configuration has. */
export const required: Readonly<Record<string, unknown>> = {
  modelSha256: "a".repeat(64),
  modelWeights: "imagenet",
  wheelhouseSha256: "b".repeat(64),
};

export const configWith = (knobs: Readonly<Record<string, unknown>> = {}, region?: string): Config =>
  configFromContext({ ...required, ...knobs }, region);

/** A folder that goes when the file's tests have run. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "orchard-infra-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** The stack's template; bundles and all else that is synthesised go to `outdir`. */
export const synthesise = (outdir: string, knobs: Readonly<Record<string, unknown>> = {}): Template =>
  Template.fromStack(new PipelineStack(new App({ outdir }), "Orchard", { config: configWith(knobs) }));
