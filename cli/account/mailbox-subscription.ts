import {
  paginateListSubscriptionsByTopic,
  SubscribeCommand,
  type Subscription,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import { z } from "zod";
import { waitUntil } from "../terminal/lifetime.ts";
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
function mailbox(endpoint: string): string {
  return endpoint + mailboxPath;
}

/** Makes the account's mailbox a subscriber of the topic, once; one at a port that the account had earlier goes. */
export async function subscribeMailbox({ sns }: Clients, endpoint: string, topicArn: string): Promise<void> {
  const subscriptions: Subscription[] = [];
  for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic(
    { client: sns },
    { TopicArn: topicArn },
  )) {
    subscriptions.push(...Subscriptions);
  }
  for (const { Endpoint, SubscriptionArn } of subscriptions) {
    if (Endpoint !== mailbox(endpoint) && Endpoint?.endsWith(mailboxPath)) {
      await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    }
  }
  if (subscriptions.some(({ Endpoint }) => Endpoint === mailbox(endpoint))) return;
  await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: "http", Endpoint: mailbox(endpoint) }));
}

async function readMails(endpoint: string): Promise<readonly Mail[]> {
  const answer = await fetch(mailbox(endpoint));
  return z.array(mailSchema).parse(await answer.json());
}

/** The notification of a run as its subscriber got it; undefined when none arrives within five seconds. */
export async function readMailOf(endpoint: string, runId: string): Promise<Mail | undefined> {
  let mail: Mail | undefined;
  await waitUntil(async () => {
    mail = (await readMails(endpoint)).findLast(({ subject, message }) => `${subject}\n${message}`.includes(runId));
    return mail !== undefined;
  }, arrivalMs);
  return mail;
}
