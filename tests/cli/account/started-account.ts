import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa, type ResultPromise } from "execa";
import getPort from "get-port";
import { root } from "../../../cli/toolchain/places.ts";
import { waitUntil } from "../../../shared/wait-until.ts";

/** An embedded account with a deployed stack, on a free port and with its state in a temporary folder. */
export interface EmbeddedAccount {
  readonly endpoint: string;
  /** Environment variables that make an AWS client use the account. */
  readonly env: Readonly<Record<string, string>>;
  readonly stateMachineArn: string;
  readonly bucket: string;
  readonly topicArn: string;
  /** Link that opens the account's console. */
  readonly console: string;
  /** Value of ORCHARD_HOME with which other commands find this account. */
  readonly home: string;
  readonly stop: () => Promise<void>;
}

type Description = Pick<EmbeddedAccount, "endpoint" | "env" | "stateMachineArn" | "bucket" | "topicArn" | "console">;

/**
 * Runs `orchard local` for tests.
 *
 * @param dataset folder of images to upload instead of the generated sample
 */
export async function startEmbeddedAccount(dataset?: string): Promise<EmbeddedAccount> {
  const home = mkdtempSync(join(tmpdir(), "orchard-account-"));
  if (dataset === undefined) await copyPreparedAccount(home);
  const port = await getPort({ host: "127.0.0.1" });
  const more = dataset === undefined ? [] : ["--dataset", dataset];
  const child = execa(
    process.execPath,
    [join(root, "cli", "main.ts"), "local", "--json", "--port", String(port), ...more],
    {
      cwd: root,
      env: { ORCHARD_HOME: home },
      reject: false,
      buffer: { stdout: false },
    },
  );
  const description = await firstLine(child);
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await child;
    rmSync(home, { recursive: true, force: true });
  };
  return { ...description, home, stop };
}

async function firstLine(child: ResultPromise): Promise<Description> {
  if (!child.stdout) throw new Error("The process has no standard output pipe");
  const line = once(createInterface({ input: child.stdout }), "line");
  const ended = child.then(({ stderr }) => {
    throw new Error(`The account did not start: ${String(stderr)}`);
  });
  const [text] = await Promise.race([line, ended]);
  // The account has started, so its later end is no error.
  ended.catch(() => undefined);
  return JSON.parse(String(text));
}

/** Copies the account that `npm test` has deployed, so that the start finds nothing to deploy. */
async function copyPreparedAccount(home: string): Promise<void> {
  const prepared = process.env["ORCHARD_TEST_ACCOUNT"];
  if (prepared === undefined) return;
  await waitUntil(() => existsSync(prepared), { everyMs: 200 });
  cpSync(prepared, home, { recursive: true });
}
