import type { DescribeExecutionOutput, SFNClient } from "@aws-sdk/client-sfn";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { beforeEach, expect, test } from "vitest";
import { notifyStopped } from "../../../lambdas/mail/stopped-execution.ts";
import { notifyStoppedEventSchema } from "../../../lambdas/notify-stopped.ts";
import { EmrDouble } from "../../doubles/emr.ts";
import { anExecution } from "../fixtures.ts";

const execution = anExecution("run-1");
const tags = { "orchard:execution-arn": execution.id };
let emr: EmrDouble;
let sent: { readonly Subject?: string | undefined; readonly Message?: string | undefined }[];

beforeEach(() => {
  emr = new EmrDouble();
  sent = [];
});

/** Notifies of an execution that DescribeExecution describes like this. */
async function notify(answer: Partial<DescribeExecutionOutput>, endedAt?: Date, refusal?: Error): Promise<void> {
  const described = { startDate: new Date(execution.startTime), input: '{"mode":"mini"}', ...answer };
  const sfn = { send: async () => described } as unknown as SFNClient;
  const sns = {
    send: async (command: unknown) => {
      if (refusal) throw refusal;
      if (command instanceof PublishCommand) sent.push(command.input);
      return {};
    },
  } as unknown as SNSClient;
  const event = notifyStoppedEventSchema.parse({
    detail: { executionArn: execution.id, name: "run-1", status: "ABORTED", stopDate: endedAt?.getTime() },
  });
  await notifyStopped(event, { TOPIC_ARN: "arn:aws:sns:eu-west-1:1:t" }, { emr: emr.client, sfn, sns });
}

test("says why the execution was stopped, which cluster it had, and how to start again", async () => {
  const id = emr.create("orchard-run-1", tags);

  await notify({ status: "ABORTED", cause: "changed my mind" });

  const [mail] = sent;
  expect(mail?.Subject).toBe("Orchard: run-1 ABORTED");
  expect(mail?.Message?.split("\n")[0]).toBe("The execution was stopped: changed my mind");
  expect(mail?.Message).toContain(`aws emr terminate-clusters --cluster-ids ${id}`);
  expect(mail?.Message).toContain(`--input '{"mode":"mini"}'`);
});

test("has no command to terminate a cluster that is gone", async () => {
  emr.create("orchard-run-1", tags, { Status: { State: "TERMINATED" } });

  await notify({ status: "TIMED_OUT" });

  expect(sent[0]?.Message).toContain("did not end within its time limit");
  expect(sent[0]?.Message).not.toContain("terminate-clusters");
});

const justBeingCreated = "one that was just being created is terminated by the sweep within 15 minutes";

test("says that a cluster may be being created if none was found", async () => {
  await notify({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain(`Cluster:   none was found; ${justBeingCreated}`);
});

test("says that a cluster may be being created if another one is gone, because a redrive may create it", async () => {
  emr.create("orchard-run-1", tags, { Status: { State: "TERMINATED" } });

  await notify({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("j-1, TERMINATED\n");
  expect(sent[0]?.Message).toContain(justBeingCreated);
});

test("says that a cluster may be being created if another one is alive, which an earlier run may have left", async () => {
  emr.create("orchard-run-1", tags, { Status: { State: "TERMINATING" } });

  await notify({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("one that was just being created");
});

test("says that a reused cluster is left alone, and of no other", async () => {
  await notify({ status: "ABORTED", input: '{"mode":"mini","cluster":{"id":"j-9"}}' });

  expect(sent[0]?.Message).toContain("j-9, which the input names, is left alone");
  expect(sent[0]?.Message).not.toContain("none was found");
  expect(sent[0]?.Message).not.toContain(justBeingCreated);
});

test("says that a cluster may be alive if EMR does not describe it", async () => {
  emr.undescribable = emr.create("orchard-run-1", tags);

  await notify({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("one may be alive");
  expect(sent[0]?.Message).not.toContain("none was found");
});

test("says that a cluster may be alive if EMR does not list clusters", async () => {
  emr.listablePages = 0;

  await notify({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("one may be alive");
});

test("throws if Step Functions still describes the execution as it was before its end", async () => {
  const endedAt = new Date("2026-01-01T01:00:00Z");

  await expect(notify({ status: "RUNNING" }, endedAt)).rejects.toThrow("still says RUNNING");
  await notify({ status: "RUNNING", redriveDate: new Date("2026-01-01T01:00:01Z") }, endedAt);

  expect(sent).toEqual([]);
});

test.each(["States.Runtime", "States.DataLimitExceeded"])("notifies of %s, which no Catch handles", async (error) => {
  await notify({ status: "FAILED", error, cause: "because" });

  expect(sent[0]?.Message?.split("\n")[0]).toBe(`${error}: because`);
});

test.each([{ status: "FAILED", error: "States.TaskFailed" }, { status: "RUNNING" }, { status: "SUCCEEDED" }] as const)(
  "sends nothing about an execution that is $status $error",
  async (answer) => {
    await notify(answer);

    expect(sent).toEqual([]);
  },
);

test("fails if the mail cannot be sent, so that EventBridge's delivery is repeated", async () => {
  await expect(notify({ status: "ABORTED" }, undefined, new Error("Rate exceeded"))).rejects.toThrow("Rate exceeded");
});
