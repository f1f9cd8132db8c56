import {
  paginateListSubscriptionsByTopic,
  SubscribeCommand,
  type Subscription,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import { z } from "zod";
import { waitUntil } from "../../shared/wait-until.ts";
import type { Clients } from "./aws-clients.ts";

const arrivalMs = 5_000;

const mailSchema = z.object({
  subject: z.string().nullish(),
  message: z.string(),
  timestamp: z.string(),
  topicArn: z.string(),
});
export type Mail = z.output<typeof mailSchema>;

const mailboxPath = "/_orchard/mail";

function mailboxUrl(endpoint: string): string {
  return endpoint + mailboxPath;
}

/** Subscribes the account's mailbox to the topic once, and removes subscriptions from earlier ports of the account. */
export async function subscribeMailbox({ sns }: Clients, endpoint: string, topicArn: string): Promise<void> {
  const subscriptions: Subscription[] = [];
  for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic(
    { client: sns },
    { TopicArn: topicArn },
  )) {
    subscriptions.push(...Subscriptions);
  }
  for (const { Endpoint, SubscriptionArn } of subscriptions) {
    if (Endpoint !== mailboxUrl(endpoint) && Endpoint?.endsWith(mailboxPath)) {
      await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    }
  }
  if (subscriptions.some(({ Endpoint }) => Endpoint === mailboxUrl(endpoint))) return;
  await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: "http", Endpoint: mailboxUrl(endpoint) }));
}

/** @param env the account's environment variables, with its access key */
async function readMails(env: Readonly<Record<string, string | undefined>>): Promise<readonly Mail[]> {
  const credentials = btoa(`${env["AWS_ACCESS_KEY_ID"]}:${env["AWS_SECRET_ACCESS_KEY"]}`);
  const headers = { authorization: `Basic ${credentials}` };
  const answer = await fetch(mailboxUrl(env["AWS_ENDPOINT_URL"] ?? ""), { headers });
  return z.array(mailSchema).parse(await answer.json());
}

/**
 * Reads the notification that a subscriber received about a run; undefined when none arrives within five seconds.
 *
 * @param env the account's environment variables
 */
export async function readRunMail(
  env: Readonly<Record<string, string | undefined>>,
  runId: string,
): Promise<Mail | undefined> {
  let mail: Mail | undefined;
  await waitUntil(
    async () => {
      mail = (await readMails(env)).findLast(({ subject, message }) => `${subject}\n${message}`.includes(runId));
      return mail !== undefined;
    },
    { timeoutMs: arrivalMs },
  );
  return mail;
}
