import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import getPort from "get-port";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places, root } from "./places.ts";
import { runTool } from "./run-tool.ts";

/**
 * Folder of an embedded account with the deployed stack and the generated sample. Tests that do not test the deployment
 * start a copy of it, which saves three quarters of the CPU time of an account's start.
 */
export const testAccount = join(places.tests, "account");

/**
 * Deploys the account of `testAccount`, and ends it. The folder appears when the account is complete; tests wait for it.
 *
 * @throws CommandFailed with the output of `orchard local`; the folder is then empty, so that each test deploys
 */
export async function prepareTestAccount(lifetime: Lifetime): Promise<void> {
  const incomplete = `${testAccount}.incomplete`;
  const env = { ...process.env, ORCHARD_HOME: incomplete };
  const orchard = async (...args: readonly string[]): Promise<void> => {
    const { failed, output } = await runTool(lifetime, "node", [join(root, "cli", "main.ts"), ...args], { env });
    if (failed) throw new CommandFailed(`The account of the tests was not prepared:\n\n${output}`);
  };
  try {
    await orchard("local", "up", "--detach", "--json", "--port", String(await getPort({ host: "127.0.0.1" })));
    await orchard("local", "down", "--yes");
    // All copies share the images of nodes and the code of functions, so only the first copy installs and unpacks them.
    for (const name of ["node-image", "lambda"]) {
      const shared = join(places.tests, name);
      mkdirSync(shared, { recursive: true });
      rmSync(join(incomplete, "account", name), { recursive: true, force: true });
      symlinkSync(shared, join(incomplete, "account", name));
    }
    renameSync(incomplete, testAccount);
  } catch (error) {
    mkdirSync(testAccount, { recursive: true });
    throw error;
  }
}
