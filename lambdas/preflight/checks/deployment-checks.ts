import type { S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { objectExists } from "../../aws/s3.ts";
import { euRegions, isInEu } from "../../catalog/regions.ts";
import { closedKey } from "../../contract/s3-layout.ts";
import type { PreflightConfig } from "../preflight-context.ts";
import { type CheckContext, CheckFailure, type CheckSpec } from "./run-checks.ts";

function checkRegion({ AWS_REGION: region, ALLOW_NON_EU_REGION }: PreflightConfig): string {
  if (!isInEu(region) && !ALLOW_NON_EU_REGION) throw new CheckFailure(`${region} is not in the European Union`);
  return region;
}

/** Characters that EMR allows in a tag value: clusters are found by tags that hold the execution's name and ARN. */
const legalTagValue = /^[\p{L}\p{N}\p{Zs}_.:/=+\-@]+$/u;

function checkExecutionName(name: string): string {
  if (!legalTagValue.test(name))
    throw new CheckFailure(`${JSON.stringify(name)} has characters that a tag value cannot have`);
  if (/^\.+$/.test(name)) throw new CheckFailure(`${JSON.stringify(name)} cannot be the name of a folder of results`);
  return name;
}

/** A cluster that is created while the stacks are deleted would outlive everything that ends clusters. */
async function checkOpen(s3: S3Client, bucket: string): Promise<string> {
  if (await objectExists(s3, { bucket, key: closedKey }))
    throw new CheckFailure("`orchard destroy` has closed this deployment, or `orchard deploy` is changing it");
  return "open";
}

function checkWeights(config: PreflightConfig): string {
  if (config.MODEL_DESCRIPTION.weights === "imagenet") return "ImageNet's";
  if (config.MODEL_DESCRIPTION.weights === "file") return "those of a file; model.json names its sha256";
  if (config.ALLOW_SEEDED_WEIGHTS) return "SEEDED RANDOM WEIGHTS, allowed by configuration";
  throw new CheckFailure("The model has seeded random weights: its features mean nothing");
}

/** Checks the deployment's own settings and the execution's name. */
export function deploymentChecks({ config, clients: { s3, sts }, execution }: CheckContext): readonly CheckSpec[] {
  return [
    {
      name: "deployment-open",
      remedy: "`orchard deploy` opens it again, also after a `destroy` that failed",
      run: () => checkOpen(s3, config.DATA_BUCKET),
    },
    {
      name: "region",
      remedy: `Deploy to one of ${euRegions.join(", ")}, or set allowNonEuRegion in the stack's configuration`,
      run: () => checkRegion(config),
    },
    {
      name: "credentials",
      remedy: "Check the function's role",
      run: async () => (await sts.send(new GetCallerIdentityCommand({}))).Arn ?? "known",
    },
    {
      name: "execution-name",
      remedy: "Start again with a name of letters, digits and _ . : / = + - @, or without a name",
      run: () => checkExecutionName(execution.name),
    },
    {
      name: "model-weights",
      remedy:
        "Make the model on a machine with network access (orchard model --force) or from a file of weights (orchard model --weights FILE) and deploy again, or set allowSeededWeights for a trial",
      run: () => checkWeights(config),
    },
  ];
}
