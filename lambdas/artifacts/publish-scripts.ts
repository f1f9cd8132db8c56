import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CopyObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { type Zippable, zipSync } from "fflate";
import { isNamed } from "../aws/errors.ts";
import { objectExists, parseS3Uri, type S3Location, s3UriOf, sha256 } from "../aws/s3.ts";
import type { Execution } from "../contract/execution.ts";
import type { Plan } from "../contract/plan.ts";
import { artifactKey, sparkEventsKey } from "../contract/s3-layout.ts";
import { sparkSubmit } from "../planning/spark-submit.ts";
import type { Environment } from "../runtime/environment.ts";
import { type DeployedWheelhouse, type WheelhouseSettings, wheelhousesOf, wheelhouseTagOf } from "./wheelhouses.ts";

export type UploadScriptsConfig = Pick<
  Environment,
  "AWS_REGION" | "DATA_BUCKET" | "MODEL_SHA256" | "MODEL_ASSET" | "LAMBDA_TASK_ROOT"
> &
  WheelhouseSettings;

export interface UploadRequest {
  readonly state: { readonly plan: Plan };
  readonly execution: Execution;
}

export interface Scripts {
  /** s3:// URI of the bootstrap script. */
  readonly bootstrap: string;
  readonly bootstrapArgs: readonly string[];
  /** Value of the cluster's tag that names the wheelhouses that the bootstrap script installs. */
  readonly wheelhouse: string;
  /** Arguments of command-runner.jar for each step. */
  readonly steps: Readonly<Record<"inventory" | "features" | "reduction", readonly string[]>>;
}

/** Packs the Python package. The same files give the same bytes: sorted names, a fixed date, no attributes. */
export async function packPackage(folder: string): Promise<Uint8Array> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".py")).sort();
  if (names.length === 0) throw new Error(`No Python files in the bundle's ${folder}; deploy the stack again`);
  const files: Zippable = {};
  for (const name of names) files[`orchard/${name}`] = await readFile(join(folder, name));
  // The earliest date of the zip format. It stores local time, so a local date gives the same bytes in every time zone.
  return zipSync(files, { level: 9, mtime: new Date(1980, 0, 1) });
}

/** Creates an object unless it exists; an existing object at a content address has the same content. */
async function putOnce(s3: S3Client, location: S3Location, content: Uint8Array): Promise<string> {
  const { bucket, key } = location;
  if (!(await objectExists(s3, location))) {
    try {
      const command = { Bucket: bucket, Key: key, Body: content, ContentLength: content.length, IfNoneMatch: "*" };
      await s3.send(new PutObjectCommand(command));
    } catch (error) {
      // Another execution has just written the same bytes.
      if (!isNamed(error, "PreconditionFailed", "ConditionalRequestConflict")) throw error;
    }
  }
  return s3UriOf(location);
}

function putArtifact(s3: S3Client, bucket: string, file: string, content: Uint8Array): Promise<string> {
  return putOnce(s3, { bucket, key: artifactKey(sha256(content), file) }, content);
}

/** Copies an asset of the deployment to its content address, within S3, unless it exists there. */
async function copyArtifact(s3: S3Client, location: S3Location, asset: string): Promise<string> {
  if (!(await objectExists(s3, location))) {
    const source = parseS3Uri(asset);
    const CopySource = `${source.bucket}/${source.key.split("/").map(encodeURIComponent).join("/")}`;
    await s3.send(new CopyObjectCommand({ Bucket: location.bucket, Key: location.key, CopySource }));
  }
  return s3UriOf(location);
}

/**
 * Writes the bundled scripts, the model and the wheelhouse to their content addresses on S3.
 *
 * @returns the bootstrap action and the steps that the cluster runs
 */
export async function uploadScripts(
  { state: { plan } }: UploadRequest,
  config: UploadScriptsConfig,
  s3: S3Client,
): Promise<Scripts> {
  const root = config.LAMBDA_TASK_ROOT;
  const { DATA_BUCKET: bucket, MODEL_SHA256 } = config;
  const wheelhouses = wheelhousesOf(plan.precision, config);
  const [zip, main, bootstrapScript] = await Promise.all([
    packPackage(join(root, "spark", "orchard")),
    readFile(join(root, "spark", "main.py")),
    readFile(join(root, "bootstrap", "bootstrap.sh")),
  ]);
  const copyWheelhouse = async ({ sha256: digest, asset }: DeployedWheelhouse): Promise<readonly [string, string]> => [
    await copyArtifact(s3, { bucket, key: artifactKey(digest, "wheelhouse.tar") }, asset),
    digest,
  ];
  const modelLocation = { bucket, key: artifactKey(MODEL_SHA256, `model.${plan.model.format}`) };
  const [pyFiles, script, bootstrap, installed] = await Promise.all([
    putArtifact(s3, bucket, "orchard.zip", zip),
    putArtifact(s3, bucket, "main.py", main),
    putArtifact(s3, bucket, "bootstrap.sh", bootstrapScript),
    Promise.all(wheelhouses.map(copyWheelhouse)),
    copyArtifact(s3, modelLocation, config.MODEL_ASSET),
    // Spark fails at once if the folder of its event logs does not exist.
    putOnce(s3, { bucket, key: sparkEventsKey }, new Uint8Array()),
  ]);
  const stepArguments = (step: string): readonly string[] =>
    sparkSubmit(plan, { pyFiles, script, step }, config.AWS_REGION);
  return {
    bootstrap,
    bootstrapArgs: installed.flat(),
    wheelhouse: wheelhouseTagOf(wheelhouses),
    steps: {
      inventory: stepArguments("inventory"),
      features: stepArguments("features"),
      reduction: stepArguments("reduction"),
    },
  };
}
