import { existsSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { deleteAccount, findAccount } from "../../account/embedded-account.ts";
import { UsageError } from "../../terminal/command-errors.ts";
import { requireConfirmed } from "../../terminal/confirm.ts";
import { withLifetime } from "../../terminal/lifetime.ts";
import { places } from "../../toolchain/places.ts";

export const command = new Command("reset")
  .summary("delete the account's state")
  .description("delete the state of the account of this folder: its stack, images, runs, results and logs")
  .option("-y, --yes", "do not ask", false)
  .option("--json", "print one JSON object and nothing else", false)
  .addHelpText("after", "\nExample:\n  orchard local down && orchard local reset")
  .action(({ yes, json }) =>
    withLifetime(async (lifetime) => {
      const folder = places.account;
      const isThere = existsSync(folder);
      if (isThere) {
        await requireDown();
        const question = `Delete the account in ${folder}, with its stack, images, runs, results and logs?`;
        await requireConfirmed(lifetime, question, yes, "Nothing was deleted.");
        await deleteAccount();
      }
      const text = isThere ? `Deleted: ${folder}` : `There is nothing to delete in ${folder}.`;
      process.stdout.write(`${json ? JSON.stringify({ folder, deleted: isThere }) : text}\n`);
    }),
  );

/** @throws UsageError while the account runs */
async function requireDown(): Promise<void> {
  const running = await findAccount();
  if (!running) return;
  throw new UsageError(`The account runs on ${running.endpoint}. End it first: orchard local down`);
}
