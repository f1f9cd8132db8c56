import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import getPort from "get-port";
import sharp from "sharp";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { startAccountProcess } from "../../../cli/account/embedded-account.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { readModelInfo } from "../../../cli/toolchain/model-info.ts";
import { places, root } from "../../../cli/toolchain/places.ts";

/** An empty account, and the environment of a user at a terminal. */
export interface EmptyAccount {
  readonly endpoint: string;
  readonly clients: ReturnType<typeof createClients>;
  /** Complete environment. Its HOME is `home`, so that no real credentials are found. */
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly stop: () => Promise<void>;
}

function isAws(name: string): boolean {
  return name.startsWith("AWS_");
}

export async function startEmptyAccount(): Promise<EmptyAccount> {
  const home = mkdtempSync(join(tmpdir(), "orchard-empty-"));
  const lifetime = new Lifetime();
  const choice = { port: await getPort({ host: "127.0.0.1" }), yarn: false };
  const account = await startAccountProcess(lifetime, choice, join(home, "account"));
  // The CDK finds this .cdk.json because its home is the account's. It needs the settings because the embedded account
  // does not enforce a security configuration, ImageNet weights may be missing, and the nodes run on this machine.
  const allowSeededWeights = String(readModelInfo().weights === "seeded");
  const context = { securityConfiguration: "none", allowSeededWeights, wheelhouseFile: places.wheelhouse };
  writeFileSync(join(home, "account", "home", ".cdk.json"), JSON.stringify({ context }));
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => !isAws(entry[0]));
  const env = {
    ...Object.fromEntries(inherited),
    ...account.env,
    HOME: home,
    ORCHARD_HOME: home,
    PATH: [places.nodeBin, join(places.python, "bin"), process.env["PATH"]].join(delimiter),
    // npm looks for its settings in HOME, which is a temporary folder here.
    ...npmSettings(),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
  };
  const stop = async (): Promise<void> => {
    await lifetime.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  return { endpoint: account.endpoint, clients: createClients(account.env), env, home, stop };
}

function npmSettings(): Readonly<Record<string, string>> {
  const file = join(homedir(), ".npmrc");
  return existsSync(file) ? { npm_config_userconfig: file } : {};
}

/** Entry point of the command line. */
export const main = join(root, "cli", "main.ts");

/** Creates an image tree with images for each label that mode `mini` selects. */
export async function makeImages(folder: string, count: number): Promise<string> {
  for (let index = 0; index < count; index += 1) {
    const label = join(folder, "Training", `Apple ${index % 2}`);
    mkdirSync(label, { recursive: true });
    const background = { r: (index * 37) % 256, g: (index * 91) % 256, b: (index * 53) % 256 };
    const image = sharp({ create: { width: 100, height: 100, channels: 3, background, noise: noise(index) } });
    await image.jpeg().toFile(join(label, `${index}_100.jpg`));
  }
  return folder;
}

function noise(index: number) {
  return { type: "gaussian" as const, mean: 100 + index, sigma: 30 };
}
