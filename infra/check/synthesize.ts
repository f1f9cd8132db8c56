import { join } from "node:path";
import { App, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { configFromContext } from "../config/config.ts";
import { addStacks } from "../stacks/stacks.ts";
import type { Variant } from "./variants.ts";

/** The region for which the variants are synthesized. */
export const checkedRegion = "eu-west-1";

export interface SynthesizedVariant {
  readonly name: string;
  readonly app: App;
  readonly templates: readonly { readonly stack: string; readonly file: string; readonly template: Template }[];
}

/** The output folder, and stand-ins for the files that only a deployment needs. */
export interface SynthesisFiles {
  readonly outdir: string;
  readonly modelFile: string;
  readonly wheelhouseFile: string;
}

/** @throws Error when a template breaks CDK's rules for CloudFormation, which are errors here as in cdk.json */
export function synthesize({ name, knobs }: Variant, { outdir, ...files }: SynthesisFiles): SynthesizedVariant {
  const context = { "@aws-cdk/core:validateAgainstDefaultRules": true };
  const app = new App({ outdir: join(outdir, name.replaceAll(/\W+/g, "-")), context });
  addStacks(app, configFromContext({ ...files, modelWeights: "imagenet", ...knobs }, checkedRegion));
  const { stacks } = app.synth();
  const templates = stacks.map(({ stackName, templateFullPath }) => ({
    stack: stackName,
    file: templateFullPath,
    template: Template.fromStack(app.node.findChild(stackName) as Stack),
  }));
  return { name, app, templates };
}
