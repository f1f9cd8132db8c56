import { paginateListSubscriptionsByTopic, type SNSClient } from "@aws-sdk/client-sns";
import { type CheckContext, CheckFailure, type CheckSpec } from "./run-checks.ts";

async function checkSubscriber(sns: SNSClient, topicArn: string): Promise<string> {
  let pending = 0;
  const pages = paginateListSubscriptionsByTopic({ client: sns }, { TopicArn: topicArn });
  for await (const { Subscriptions = [] } of pages) {
    for (const { SubscriptionArn, Endpoint } of Subscriptions) {
      // An unconfirmed subscription has the text PendingConfirmation in place of an ARN.
      if (SubscriptionArn?.startsWith("arn:")) return `${Endpoint} is subscribed`;
      pending += 1;
    }
  }
  throw new CheckFailure(
    pending === 0
      ? "Nobody is subscribed: the mail about this run reaches nobody"
      : `${pending} subscriber(s), none confirmed`,
  );
}

/** Checks that somebody receives the mail about the run. */
export function notificationChecks({ config, clients: { sns } }: CheckContext): readonly CheckSpec[] {
  return [
    {
      name: "subscriber",
      isWarning: true,
      remedy: `aws sns subscribe --topic-arn ${config.TOPIC_ARN} --protocol email --notification-endpoint you@example.com, then follow the link in the confirmation mail`,
      run: () => checkSubscriber(sns, config.TOPIC_ARN),
    },
  ];
}
