import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CopyObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type Zippable, zipSync } from "fflate";
import { z } from "zod";
import { isNamed } from "./aws/errors.ts";
import { objectExists, parseS3Uri, type S3Location, sha256 } from "./aws/s3.ts";
import { executionSchema } from "./contract/execution.ts";
import { planSchema } from "./contract/plan.ts";
import { artifactKey, sparkEventsKey } from "./contract/s3-layout.ts";
import { sparkSubmit } from "./planning/spark-submit.ts";
import { type Environment, environmentSchema, readEnvironment } from "./runtime/environment.ts";
import { lambdaHandler } from "./runtime/handler.ts";

export const uploadScriptsEventSchema = z.object({ state: z.object({ plan: planSchema }), execution: executionSchema });
export type UploadScriptsEvent = z.output<typeof uploadScriptsEventSchema>;

const settings = environmentSchema.pick({
  AWS_REGION: true,
  DATA_BUCKET: true,
  MODEL_SHA256: true,
  MODEL_ASSET: true,
  WHEELHOUSE_SHA256: true,
  WHEELHOUSE_ASSET: true,
  LAMBDA_TASK_ROOT: true,
});
export type UploadScriptsConfig = Pick<Environment, keyof typeof settings.shape>;

export interface Scripts {
  /** s3:// address of the bootstrap script. */
  readonly bootstrap: string;
  readonly bootstrapArgs: readonly string[];
  /** sha256 of the wheels that the bootstrap script installs: the cluster's environment, which is put on its tags. */
  readonly wheelhouse: string;
  /** Arguments of command-runner.jar, for each step. */
  readonly steps: Readonly<Record<"inventory" | "features" | "reduction", readonly string[]>>;
}

/** Packs the Python package. The same files give the same bytes: sorted names, one date, no attributes. */
export async function packPackage(folder: string): Promise<Uint8Array> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".py")).sort();
  if (names.length === 0) throw new Error(`No Python files in the bundle's ${folder}; deploy the stack again`);
  const files: Zippable = {};
  for (const name of names) files[`orchard/${name}`] = await readFile(join(folder, name));
  // The format's first day, in local time as zip has it, so that the bytes do not depend on the time zone.
  return zipSync(files, { level: 9, mtime: new Date(1980, 0, 1) });
}

/** Puts an object unless it is there: what is there is the same, and is never written again. */
async function putOnce(s3: S3Client, location: S3Location, content: Uint8Array): Promise<string> {
  const { bucket, key } = location;
  if (!(await objectExists(s3, location))) {
    try {
      const command = { Bucket: bucket, Key: key, Body: content, ContentLength: content.length, IfNoneMatch: "*" };
      await s3.send(new PutObjectCommand(command));
    } catch (error) {
      // Another execution was quicker, with the same bytes.
      if (!isNamed(error, "PreconditionFailed", "ConditionalRequestConflict")) throw error;
    }
  }
  return `s3://${bucket}/${key}`;
}

function putArtifact(s3: S3Client, bucket: string, file: string, content: Uint8Array): Promise<string> {
  return putOnce(s3, { bucket, key: artifactKey(sha256(content), file) }, content);
}

/** Copies what the deployment published to its content address, within S3, unless it is there. */
async function copyArtifact(s3: S3Client, bucket: string, key: string, asset: string): Promise<string> {
  if (!(await objectExists(s3, { bucket, key }))) {
    const { bucket: from, key: name } = parseS3Uri(asset);
    const CopySource = `${from}/${name.split("/").map(encodeURIComponent).join("/")}`;
    await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: key, CopySource }));
  }
  return `s3://${bucket}/${key}`;
}

/** Puts the bundled scripts, the model and the wheels on S3, content-addressed, and says what the cluster has to run. */
export async function uploadScripts(
  { state: { plan } }: UploadScriptsEvent,
  config: UploadScriptsConfig,
  s3: S3Client,
): Promise<Scripts> {
  const root = config.LAMBDA_TASK_ROOT;
  const bucket = config.DATA_BUCKET;
  const [zip, main, bootstrapScript] = await Promise.all([
    packPackage(join(root, "spark", "orchard")),
    readFile(join(root, "spark", "main.py")),
    readFile(join(root, "bootstrap", "bootstrap.sh")),
  ]);
  const { MODEL_SHA256, WHEELHOUSE_SHA256 } = config;
  const [pyFiles, script, bootstrap, wheelhouse] = await Promise.all([
    putArtifact(s3, bucket, "orchard.zip", zip),
    putArtifact(s3, bucket, "main.py", main),
    putArtifact(s3, bucket, "bootstrap.sh", bootstrapScript),
    copyArtifact(s3, bucket, artifactKey(WHEELHOUSE_SHA256, "wheelhouse.tar"), config.WHEELHOUSE_ASSET),
    copyArtifact(s3, bucket, artifactKey(MODEL_SHA256, "model.tflite"), config.MODEL_ASSET),
    // Spark ends at once when the folder of its event logs is not there.
    putOnce(s3, { bucket, key: sparkEventsKey }, new Uint8Array()),
  ]);
  const step = (name: string): readonly string[] =>
    sparkSubmit(plan, { pyFiles, script, step: name }, config.AWS_REGION);
  return {
    bootstrap,
    bootstrapArgs: [wheelhouse, WHEELHOUSE_SHA256],
    wheelhouse: WHEELHOUSE_SHA256,
    steps: { inventory: step("inventory"), features: step("features"), reduction: step("reduction") },
  };
}

const s3 = new S3Client({});

export const handler = lambdaHandler(uploadScriptsEventSchema, (event) =>
  uploadScripts(event, readEnvironment(settings), s3),
);
