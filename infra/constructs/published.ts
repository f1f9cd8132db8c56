import { Stack } from "aws-cdk-lib";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { Construct } from "constructs";
import type { Artifact } from "../config/artifacts.ts";

/** A file that travels with the deployment, and that UploadScripts copies to its content address. */
export class Published extends Construct {
  readonly sha256: string;
  /** s3:// address of the copy that the deployment made. */
  readonly uri: string;
  /** Of the same object. */
  readonly arn: string;

  constructor(scope: Construct, id: string, { path, sha256 }: Artifact) {
    super(scope, id);
    const asset = new Asset(this, "Asset", { path, assetHash: sha256 });
    this.sha256 = sha256;
    this.uri = asset.s3ObjectUrl;
    this.arn = `arn:${Stack.of(this).partition}:s3:::${asset.s3BucketName}/${asset.s3ObjectKey}`;
  }
}
