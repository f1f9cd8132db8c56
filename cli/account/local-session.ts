import { deployLocally } from "../deployment/deploy-locally.ts";
import type { Deployment } from "../deployment/deployed-stacks.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter, Step } from "../terminal/progress-steps.ts";
import { type Clients, createClients } from "./aws-clients.ts";
import { type AccountChoice, defaultPort, type EmbeddedAccount, openAccount } from "./embedded-account.ts";
import { subscribeMailbox } from "./mailbox-subscription.ts";

/** An embedded account with the stack deployed to it, which `start` and `local` share. */
export interface LocalSession {
  readonly account: EmbeddedAccount;
  readonly clients: Clients;
  readonly deployment: Deployment;
}

/** The steps that open a session; `get` returns it after they have run. */
export function sessionSteps(
  lifetime: Lifetime,
  choice: AccountChoice,
): { readonly steps: readonly Step[]; readonly get: () => LocalSession } {
  let account: EmbeddedAccount | undefined;
  let session: LocalSession | undefined;
  const startAccount = async ({ title }: Reporter): Promise<void> => {
    account = await openAccount(lifetime, choice);
    title(`Account: ${account.reused ? "uses the one that runs" : "started"} on ${account.endpoint}`);
  };
  const deployStack = async ({ status, title }: Reporter): Promise<void> => {
    if (!account) throw new Error("The deployment step ran before the account step");
    const since = Date.now();
    const clients = createClients(account.env);
    const deployment = await deployLocally(lifetime, account, clients, status);
    await subscribeMailbox(clients, account.endpoint, deployment.topicArn);
    session = { account, clients, deployment };
    title(`Deployment: ${deployment.skipped ? "unchanged" : formatDuration((Date.now() - since) / 1_000)}`);
  };
  return {
    steps: [
      { title: `Account on port ${choice.port ?? defaultPort}`, run: startAccount },
      { title: "Deployment", run: deployStack },
    ],
    get: () => {
      if (!session) throw new Error("The session was not opened");
      return session;
    },
  };
}
