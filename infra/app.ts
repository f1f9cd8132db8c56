import { App, Tags } from "aws-cdk-lib";
import { appTag } from "../lambdas/contract/tags.ts";
import { ConfigInvalid, configFromContext } from "./config/config.ts";
import { addStacks } from "./stacks/stacks.ts";

const app = new App();
// CloudFormation copies the tags of a stack to its resources. `orchard destroy` finds the stacks by this tag.
Tags.of(app).add(appTag, "orchard", { includeResourceTypes: ["aws:cdk:stack"] });
try {
  const account = process.env["CDK_DEFAULT_ACCOUNT"];
  // Without credentials, CDK_DEFAULT_REGION is us-east-1 by default, so synthesize for any region instead.
  const region = account === undefined ? undefined : process.env["CDK_DEFAULT_REGION"];
  const config = configFromContext(app.node.getAllContext(), region);
  addStacks(app, config, { account, region });
} catch (error) {
  if (!(error instanceof ConfigInvalid)) throw error;
  // The message explains the user's mistake; a stack trace would hide it.
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
