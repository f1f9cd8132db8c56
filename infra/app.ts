import { App, Tags } from "aws-cdk-lib";
import { appTag } from "../lambdas/contract/tags.ts";
import { ConfigInvalid, configFromContext } from "./config/config.ts";
import { addStacks } from "./stacks/stacks.ts";

const app = new App();
// On the stacks alone, whose tags CloudFormation gives to all that is in them. `npm run destroy` finds the stacks by it.
Tags.of(app).add(appTag, "orchard", { includeResourceTypes: ["aws:cdk:stack"] });
try {
  const account = process.env["CDK_DEFAULT_ACCOUNT"];
  // Without credentials the CDK names a region that nobody chose, us-east-1: the templates are then for any.
  const region = account === undefined ? undefined : process.env["CDK_DEFAULT_REGION"];
  const config = configFromContext(app.node.getAllContext(), region);
  addStacks(app, config, { account, region });
} catch (error) {
  if (!(error instanceof ConfigInvalid)) throw error;
  // A person's mistake: the message says all, and a stack trace would hide it.
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
