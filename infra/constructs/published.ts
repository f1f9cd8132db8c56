import { Stack } from "aws-cdk-lib";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { Construct } from "constructs";
import type { ModelDescription } from "../../lambdas/contract/model.ts";
import { type Artifact, readArtifacts } from "../config/artifacts.ts";
import type { Config } from "../config/knobs.ts";

/** A file that is published with the deployment; UploadScripts copies it to its content address in the data bucket. */
export class Published extends Construct {
  readonly sha256: string;
  /** s3:// URI of the object in the CDK's asset bucket. */
  readonly uri: string;
  /** ARN of the same object. */
  readonly arn: string;

  constructor(scope: Construct, id: string, { path, sha256 }: Artifact) {
    super(scope, id);
    const asset = new Asset(this, "Asset", { path, assetHash: sha256 });
    this.sha256 = sha256;
    this.uri = asset.s3ObjectUrl;
    this.arn = `arn:${Stack.of(this).partition}:s3:::${asset.s3BucketName}/${asset.s3ObjectKey}`;
  }
}

export interface PublishedArtifacts {
  readonly model: Published;
  readonly wheelhouse: Published;
  /** Undefined if the stack runs in float32 only. */
  readonly bf16Wheelhouse: Published | undefined;
  readonly modelDescription: ModelDescription;
}

/** @throws ConfigInvalid when a file is missing or does not fit the architecture */
export function publishArtifacts(stack: Stack, config: Config): PublishedArtifacts {
  const { model, modelDescription, wheelhouse, bf16Wheelhouse } = readArtifacts(config);
  return {
    model: new Published(stack, "Model", model),
    wheelhouse: new Published(stack, "Wheelhouse", wheelhouse),
    bf16Wheelhouse: bf16Wheelhouse && new Published(stack, "Bf16Wheelhouse", bf16Wheelhouse),
    modelDescription,
  };
}
