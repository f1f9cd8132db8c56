import { App, Tags } from "aws-cdk-lib";
import { configFromContext } from "./config.ts";
import { PipelineStack } from "./pipeline-stack.ts";

const app = new App();
// On the stacks alone, whose tags CloudFormation gives to all that is in them. `npm run destroy` finds the stacks by it.
Tags.of(app).add("orchard:app", "orchard", { includeResourceTypes: ["aws:cdk:stack"] });
new PipelineStack(app, "Orchard", {
  config: configFromContext((key) => app.node.tryGetContext(key)),
  env: { account: process.env["CDK_DEFAULT_ACCOUNT"], region: process.env["CDK_DEFAULT_REGION"] },
  description: "Image features and PCA on a transient EMR cluster, which is always torn down",
});
