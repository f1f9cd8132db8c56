import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { metrics } from "../runtime/handler.ts";

export interface Mail {
  readonly subject: string;
  readonly message: string;
}

/**
 * Publishes a mail to the topic. A failure is counted in a metric with an alarm, because nobody would notice a missing
 * mail.
 *
 * @returns the id of the message
 */
export async function sendMail(sns: SNSClient, topicArn: string, { subject, message }: Mail): Promise<string> {
  try {
    const { MessageId } = await sns.send(
      new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: message }),
    );
    return MessageId ?? "";
  } catch (error) {
    metrics.addMetric("NotificationFailed", MetricUnit.Count, 1);
    throw error;
  }
}
