// Deploys to the embedded account, unless nothing has changed since its last deployment.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Stack } from "@aws-sdk/client-cloudformation";
import type { Clients } from "../account/aws-clients.ts";
import { openEmbeddedTarget } from "../account/deployment-target.ts";
import type { EmbeddedAccount } from "../account/embedded-account.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places, root } from "../toolchain/places.ts";
import { Cdk, type Context } from "./cdk-command.ts";
import { openDeployment } from "./closed-deployment.ts";
import { type Deployment, deployStacks, describeStack, readDeployment, stackName } from "./deployed-stacks.ts";

/** Files and folders that determine a deployment, together with localContext(). */
const sources = ["infra", "lambdas", "shared", "statemachine", "spark", "bootstrap", "package-lock.json", "cdk.json"];

/** Records the stack id and the fingerprint of the last deployment. It is part of the account's state. */
const recordPath = join(places.account, "deployed");

/** The configuration of the embedded account's deployment. */
export function localContext(): Context {
  return { ...localFiles(), ...localSettings };
}

const localSettings = {
  // Seeded weights suffice to try the workflow; a warning announces them.
  allowSeededWeights: "true",
  // The embedded account does not enforce security configurations.
  securityConfiguration: "none",
} satisfies Context;

/** The files to publish. The wheels for bf16 exist only if a run has asked for bf16. */
function localFiles(): Context {
  const { bf16Wheelhouse: bf16WheelhouseFile } = places;
  return {
    modelFile: join(places.model, "model.tflite"),
    wheelhouseFile: places.wheelhouse,
    ...(existsSync(bf16WheelhouseFile) ? { bf16WheelhouseFile } : {}),
  };
}

/**
 * Deploys the stack to the embedded account, with the model and the wheels of this machine.
 *
 * @param log receives the current activity
 * @throws CommandFailed with the CDK's last lines
 */
export async function deployLocally(
  lifetime: Lifetime,
  account: EmbeddedAccount,
  clients: Clients,
  log: (line: string) => void,
): Promise<Deployment> {
  const fingerprint = await fingerprintSources();
  const before = await describeStack(clients, stackName);
  const isCurrent = before !== undefined && isSettled(before) && readRecord() === `${before.StackId} ${fingerprint}`;
  if (!isCurrent) {
    const target = await openEmbeddedTarget(account.env, clients);
    const cdk = new Cdk(lifetime, target, localContext(), join(places.account, "cdk.out"));
    await deployStacks(cdk, target, log, [stackName]);
  }
  const stack = isCurrent ? before : await describeStack(clients, stackName);
  const deployment = await readDeployment(clients);
  if (!stack || !deployment) throw new CommandFailed(`The stack ${stackName} does not exist after its deployment.`);
  await openDeployment(clients, deployment.bucket);
  await mkdir(places.account, { recursive: true });
  await writeFile(recordPath, `${stack.StackId} ${fingerprint}`);
  return { ...deployment, skipped: isCurrent };
}

/** Lets the next `orchard local` deploy its own configuration, because another one is being deployed. */
export function forgetLocalDeployment(): Promise<void> {
  return rm(recordPath, { force: true });
}

function isSettled({ StackStatus }: Stack): boolean {
  return StackStatus === "CREATE_COMPLETE" || StackStatus === "UPDATE_COMPLETE";
}

function readRecord(): string | undefined {
  return existsSync(recordPath) ? readFileSync(recordPath, "utf8") : undefined;
}

/** Hashes everything that determines the deployment: the context, the files that it names, and the sources. */
async function fingerprintSources(): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(localContext()));
  for (const file of Object.values(localFiles())) hash.update(`\0${await sha256OfFile(file)}\0`);
  for (const source of sources) {
    const path = join(root, source);
    const files = (await stat(path)).isDirectory() ? await filesUnder(path) : [path];
    for (const file of files) hash.update(`\0${file}\0`).update(await readFile(file));
  }
  return hash.digest("hex");
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
