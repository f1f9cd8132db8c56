import type { App, Environment } from "aws-cdk-lib";
import type { Config } from "../config/knobs.ts";
import { GuardrailsStack } from "./guardrails-stack.ts";
import { type ClusterSecurity, PipelineStack } from "./pipeline-stack.ts";
import { SecurityStack } from "./security-stack.ts";

function securityOf(app: App, config: Config, env: Environment): ClusterSecurity | undefined {
  if (config.securityConfiguration === "none") return undefined;
  if (config.securityConfiguration !== "own") {
    return { existing: config.securityConfiguration, volumeKeyArn: config.volumeKeyArn };
  }
  if (!config.encryptedVolumes) return {};
  const { volumeKeyArn } = new SecurityStack(app, "OrchardSecurity", {
    keyUsers: [config.emrServiceRoleArn, config.emrInstanceRoleArn].filter((arn) => arn !== undefined),
    env,
    description: "Key of the volumes of Orchard's EMR clusters",
  });
  return { volumeKeyArn };
}

/** Adds all stacks of a deployment. Without `env`, the templates fit any account and region. */
export function addStacks(app: App, config: Config, env: Environment = {}): PipelineStack {
  const security = securityOf(app, config, env);
  const pipeline = new PipelineStack(app, "Orchard", {
    config,
    ...(security ? { security } : {}),
    env,
    // A deletion in the console would not end the clusters first, as `orchard destroy` does.
    terminationProtection: true,
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
  return pipeline;
}
