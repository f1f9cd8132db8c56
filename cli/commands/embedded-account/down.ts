import { Command } from "@commander-js/extra-typings";
import { type EmbeddedAccount, findAccount, stopAccount } from "../../account/embedded-account.ts";
import { describeRunning } from "../../execution/running-work.ts";
import { requireConfirmed } from "../../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../../terminal/lifetime.ts";
import { findWork } from "./status.ts";

export const command = new Command("down")
  .alias("stop")
  .summary("end the account, and check that it is gone")
  .description("end the account of this folder and check that it is gone; its state stays for the next start")
  .option("-y, --yes", "do not ask, also when executions or clusters run in it", false)
  .option("--json", "print one JSON object and nothing else", false)
  .addHelpText("after", "\nExample:\n  orchard local down")
  .action(({ yes, json }) =>
    withLifetime(async (lifetime) => {
      const account = await findAccount();
      if (account) {
        await ask(lifetime, account, yes);
        await stopAccount(account);
      }
      const { endpoint = null, pid = null } = account ?? {};
      const text = account ? "The account has stopped." : "No account is running.";
      process.stdout.write(`${json ? JSON.stringify({ wasRunning: account !== undefined, endpoint, pid }) : text}\n`);
    }),
  );

/** Asks only when something would end with the account. */
async function ask(lifetime: Lifetime, account: EmbeddedAccount, yes: boolean): Promise<void> {
  if (yes) return;
  const work = describeRunning(await findWork(account));
  if (work.length === 0) return;
  const question = `${work.join("\n")}\nEnd the account, and these with it?`;
  await requireConfirmed(lifetime, question, yes, "The account goes on.");
}
