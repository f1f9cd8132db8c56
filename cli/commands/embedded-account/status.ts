import { Command } from "@commander-js/extra-typings";
import { createClients } from "../../account/aws-clients.ts";
import { type EmbeddedAccount, findAccount } from "../../account/embedded-account.ts";
import { readDeployment } from "../../deployment/deployed-stacks.ts";
import { describeRunning, findRunning, type Running } from "../../execution/running-work.ts";
import { renderFields } from "../../terminal/tables.ts";
import { places } from "../../toolchain/places.ts";

/** Exit code for an account that does not run, as for everything else that does not exist. */
const notFound = 3;

export const command = new Command("status")
  .summary("show if the account runs, where, and what runs in it")
  .description("show if the account of this folder runs, where, and what runs in it: exit code 0 if it runs, else 3")
  .option("--json", "print one JSON object and nothing else", false)
  .addHelpText("after", "\nExample:\n  orchard local status || orchard local up --detach")
  .action(async ({ json }) => {
    const account = await findAccount();
    const running = account ? await findWork(account) : { executions: [], clusters: [] };
    if (!account) process.exitCode = notFound;
    const { endpoint = null, pid = null, console = null } = account ?? {};
    const found = { running: account !== undefined, endpoint, pid, console, folder: places.account, ...running };
    process.stdout.write(json ? `${JSON.stringify(found)}\n` : `${render(account, running)}\n`);
  });

/** Finds the executions and clusters that run in the account. */
export async function findWork({ env }: EmbeddedAccount): Promise<Running> {
  const clients = createClients(env);
  return findRunning(clients, (await readDeployment(clients))?.stateMachineArn);
}

function render(account: EmbeddedAccount | undefined, running: Running): string {
  if (!account) return "No account runs here. Start it: orchard local up";
  return renderFields([
    ["Account", account.endpoint],
    ["Console", account.console],
    ["Process", account.pid],
    ["Folder", places.account],
    ["Running", describeRunning(running).join("\n") || "nothing"],
  ]);
}
