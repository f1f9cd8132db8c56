import type { S3Client } from "@aws-sdk/client-s3";
import { type DeployedWheelhouse, wheelhousesOf } from "../../artifacts/wheelhouses.ts";
import { objectExists, objectSha256, parseS3Uri, type S3Location } from "../../aws/s3.ts";
import { artifactKey } from "../../contract/s3-layout.ts";
import { deployedModel } from "../deployed-model.ts";
import { type CheckContext, CheckFailure, type CheckSpec } from "./run-checks.ts";

/** Finds an artifact at its content address, or else the asset that UploadScripts would copy there. */
async function findArtifact(s3: S3Client, artifact: S3Location, asset: string): Promise<S3Location> {
  if (await objectExists(s3, artifact)) return artifact;
  const published = parseS3Uri(asset);
  // Without s3:ListBucket, S3 answers Forbidden for an absent object; the remedy of the check is the same.
  if (await objectExists(s3, published)) return published;
  throw new CheckFailure(`Neither s3://${artifact.bucket}/${artifact.key} nor ${asset} exists`);
}

async function checkModel(s3: S3Client, artifact: S3Location, asset: string, digest: string): Promise<string> {
  const found = await findArtifact(s3, artifact, asset);
  const actual = await objectSha256(s3, found);
  if (actual !== digest) throw new CheckFailure(`s3://${found.bucket}/${found.key} has sha256 ${actual}`);
  return found.key;
}

const bf16Remedy =
  "Make and deploy the wheels for bf16: orchard wheelhouse --precision bf16, then orchard deploy -c bf16WheelhouseFile=<its file>; or leave precision out";

/** Checks that the deployment has published the wheels for each precision that the run needs, and the model. */
export function artifactChecks({ config, clients: { s3 }, precision }: CheckContext): readonly CheckSpec[] {
  const { DATA_BUCKET: bucket, MODEL_SHA256, MODEL_ASSET } = config;
  const [always, forBf16] = wheelhousesOf(precision, config);
  const find = async (wheelhouse: DeployedWheelhouse | undefined): Promise<string> => {
    if (wheelhouse === undefined) throw new CheckFailure("The stack was deployed without them");
    const { sha256, asset } = wheelhouse;
    return (await findArtifact(s3, { bucket, key: artifactKey(sha256, "wheelhouse.tar") }, asset)).key;
  };
  const model = { bucket, key: deployedModel(config).key };
  return [
    {
      name: "wheelhouse",
      remedy: "Deploy again: that uploads the wheels for the nodes",
      run: () => find(always),
    },
    ...(precision === "float32"
      ? []
      : [{ name: `wheelhouse-${precision}`, remedy: bf16Remedy, run: () => find(forBf16) }]),
    {
      name: "model",
      remedy: "Make the model again (orchard model --force) and deploy: that uploads it",
      run: () => checkModel(s3, model, MODEL_ASSET, MODEL_SHA256),
    },
  ];
}
