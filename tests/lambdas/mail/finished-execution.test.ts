import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { S3Client } from "@aws-sdk/client-s3";
import { ConfirmSubscriptionCommand, CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { expect, test } from "vitest";
import { notifyFinished } from "../../../lambdas/mail/finished-execution.ts";
import { uniqueName } from "../fixtures.ts";
import { measured } from "../measured.ts";
import { startMinistack } from "../ministack.ts";
import { execution, halfAnHourLater, succeeded } from "./states.ts";

const account = await startMinistack();
const s3 = new S3Client({ region: "eu-west-1", credentials: { accessKeyId: "key", secretAccessKey: "secret" } });
const report = { uri: "s3://data/runs/run-1/report/report.html", bytes: 1_000 };
const config = { TOPIC_ARN: "arn:topic" };

/** Subscribes an HTTP endpoint to the topic and confirms the subscription. */
async function subscribe(TopicArn: string): Promise<{ mails: Record<string, string>[]; close: () => void }> {
  const mails: Record<string, string>[] = [];
  const server = createServer((request, response) => {
    void json(request).then((mail) => {
      mails.push(mail as Record<string, string>);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await account.sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: `http://127.0.0.1:${port}/` }));
  await expect.poll(() => mails[0]?.["Token"], { timeout: 120_000 }).toBeDefined();
  await account.sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: mails.shift()?.["Token"] }));
  return { mails, close: () => server.close() };
}

test("publishes the mail with the link to the report, and records quote and cost", async () => {
  const { TopicArn = "" } = await account.sns.send(new CreateTopicCommand({ Name: uniqueName("topic") }));
  const { mails, close } = await subscribe(TopicArn);

  const sent = await notifyFinished(
    { state: { ...succeeded, report }, execution },
    { TOPIC_ARN: TopicArn },
    { sns: account.sns, s3 },
    halfAnHourLater,
  );

  await expect.poll(() => mails, { timeout: 120_000 }).toHaveLength(1);
  expect(mails[0]).toMatchObject({ Subject: sent.subject, MessageId: sent.messageId });
  // The link is in the mail, and not in the result, which the execution's history and the logs keep.
  expect(mails[0]?.["Message"]).toContain("\nhttps://data.s3.eu-west-1.amazonaws.com/runs/run-1/report/report.html?");
  expect(JSON.stringify(sent)).not.toContain("https:");
  expect(measured()).toEqual({
    QuotedUsd: [succeeded.plan?.estimate.usd, "None"],
    CostUsd: [succeeded.cost?.actualUsd, "None"],
  });
  close();
});

function snsWith(send: () => Promise<object>): SNSClient {
  return Object.assign(new SNSClient({}), { send });
}

test("records no cost that is unknown, and neither quote nor cost without a cluster", async () => {
  const sns = snsWith(async () => ({ MessageId: "m" }));

  await notifyFinished({ state: { ...succeeded, cost: undefined }, execution }, config, { sns, s3 });
  expect(measured()).toEqual({ QuotedUsd: [succeeded.plan?.estimate.usd, "None"] });

  await notifyFinished({ state: { ...succeeded, cluster: undefined }, execution }, config, { sns, s3 });
  expect(measured()).toEqual({});
});

test("counts a mail that SNS rejects and throws the error, so that Step Functions retries", async () => {
  const sns = snsWith(() => Promise.reject(Object.assign(new Error("No"), { name: "AuthorizationErrorException" })));

  await expect(notifyFinished({ state: succeeded, execution }, config, { sns, s3 })).rejects.toThrow("No");

  expect(measured()).toEqual({ NotificationFailed: [1, "Count"] });
});
