import { App, Tags } from "aws-cdk-lib";
import { configFromContext } from "./config.ts";
import { GuardrailsStack } from "./guardrails-stack.ts";
import { PipelineStack } from "./pipeline-stack.ts";

const app = new App();
const region = process.env["CDK_DEFAULT_REGION"];
const config = configFromContext(app.node.getAllContext(), region);
const env = { account: process.env["CDK_DEFAULT_ACCOUNT"], region };
// On the stacks alone, whose tags CloudFormation gives to all that is in them. `npm run destroy` finds the stacks by it.
Tags.of(app).add("orchard:app", "orchard", { includeResourceTypes: ["aws:cdk:stack"] });
const pipeline = new PipelineStack(app, "Orchard", {
  config,
  env,
  description: "Image features and PCA on a transient EMR cluster, which is always torn down",
});
if (config.guardrails) {
  new GuardrailsStack(app, "OrchardGuardrails", {
    config,
    env,
    pipeline,
    description: "Budget, alarms and dashboard of Orchard",
  });
}
