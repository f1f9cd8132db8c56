import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { metrics } from "../runtime/handler.ts";
import type { Mail } from "./mail.ts";

/**
 * Hands a mail to the topic's subscribers, and answers its message id. A mail that cannot be handed over is counted,
 * because nobody hears of it otherwise.
 */
export async function sendMail(sns: SNSClient, TopicArn: string, { subject, message }: Mail): Promise<string> {
  try {
    const { MessageId } = await sns.send(new PublishCommand({ TopicArn, Subject: subject, Message: message }));
    return MessageId ?? "";
  } catch (error) {
    metrics.addMetric("NotificationFailed", MetricUnit.Count, 1);
    throw error;
  }
}
