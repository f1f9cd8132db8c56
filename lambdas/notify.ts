import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import { type Environment, environment, readConfig } from "./shared/config.ts";
import { lambdaHandler } from "./shared/handler.ts";
import { failureMail, type Mail, successMail } from "./shared/mail.ts";
import { execution, partialState } from "./shared/schemas.ts";

export const notifyEvent = z.object({ state: partialState, execution });
export type NotifyEvent = z.output<typeof notifyEvent>;

const settings = environment.pick({ TOPIC_ARN: true });
export type NotifyConfig = Pick<Environment, keyof typeof settings.shape>;

/** Tells the subscribers how the run went. */
export const notify = async (
  event: NotifyEvent,
  config: NotifyConfig,
  sns: SNSClient,
  now: Date = new Date(),
): Promise<Mail & { readonly messageId: string }> => {
  const mail = event.state.error
    ? failureMail(event.state, event.execution)
    : successMail(event.state, event.execution, now);
  const { MessageId } = await sns.send(
    new PublishCommand({ TopicArn: config.TOPIC_ARN, Subject: mail.subject, Message: mail.message }),
  );
  return { messageId: MessageId ?? "", ...mail };
};

const sns = new SNSClient({});

export const handler = lambdaHandler(notifyEvent, (event) => notify(event, readConfig(settings), sns));
