import { App, Tags } from "aws-cdk-lib";
import { configFromContext } from "./config.ts";
import { PipelineStack } from "./pipeline-stack.ts";

const app = new App();
const region = process.env["CDK_DEFAULT_REGION"];
// On the stacks alone, whose tags CloudFormation gives to all that is in them. `npm run destroy` finds the stacks by it.
Tags.of(app).add("orchard:app", "orchard", { includeResourceTypes: ["aws:cdk:stack"] });
new PipelineStack(app, "Orchard", {
  config: configFromContext(app.node.getAllContext(), region),
  env: { account: process.env["CDK_DEFAULT_ACCOUNT"], region },
  description: "Image features and PCA on a transient EMR cluster, which is always torn down",
});
