import { App, Tags } from "aws-cdk-lib";
import { ConfigInvalid, configFromContext } from "./config.ts";
import { addStacks } from "./stacks.ts";

const app = new App();
// On the stacks alone, whose tags CloudFormation gives to all that is in them. `npm run destroy` finds the stacks by it.
Tags.of(app).add("orchard:app", "orchard", { includeResourceTypes: ["aws:cdk:stack"] });
try {
  const region = process.env["CDK_DEFAULT_REGION"];
  const config = configFromContext(app.node.getAllContext(), region);
  addStacks(app, config, { account: process.env["CDK_DEFAULT_ACCOUNT"], region });
} catch (error) {
  if (!(error instanceof ConfigInvalid)) throw error;
  // A person's mistake: the message says all, and a stack trace would hide it.
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
