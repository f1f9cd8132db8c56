import type { DescribeExecutionOutput, SFNClient } from "@aws-sdk/client-sfn";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { beforeEach, expect, test } from "vitest";
import { notifyStopped, notifyStoppedEventSchema } from "../../lambdas/notify-stopped.ts";
import { EmrDouble } from "../doubles/emr.ts";
import { anExecution } from "./fixtures.ts";

const execution = anExecution("run-1");
let emr: EmrDouble;
let sent: { readonly Subject?: string | undefined; readonly Message?: string | undefined }[];

beforeEach(() => {
  emr = new EmrDouble();
  sent = [];
});

async function tell(found: Partial<DescribeExecutionOutput>, endedAt?: Date): Promise<void> {
  const described = { startDate: new Date(execution.startTime), input: '{"mode":"mini"}', ...found };
  const sfn = { send: async () => described } as unknown as SFNClient;
  const sns = {
    send: async (command: unknown) => {
      if (command instanceof PublishCommand) sent.push(command.input);
      return {};
    },
  } as unknown as SNSClient;
  const event = notifyStoppedEventSchema.parse({
    detail: { executionArn: execution.id, name: "run-1", status: "ABORTED", stopDate: endedAt?.getTime() },
  });
  await notifyStopped(event, { TOPIC_ARN: "arn:aws:sns:eu-west-1:1:t" }, { emr: emr.client, sfn, sns });
}

test("a stopped execution's mail says who stopped it, which cluster it had and how to start again", async () => {
  const id = emr.create("orchard-run-1", { "orchard:execution-arn": execution.id });

  await tell({ status: "ABORTED", cause: "changed my mind" });

  const [mail] = sent;
  expect(mail?.Subject).toBe("Orchard: run-1 ABORTED");
  expect(mail?.Message?.split("\n")[0]).toBe("The execution was stopped: changed my mind");
  expect(mail?.Message).toContain(`aws emr terminate-clusters --cluster-ids ${id}`);
  expect(mail?.Message).toContain(`--input '{"mode":"mini"}'`);
});

test("a cluster that is gone needs no command", async () => {
  emr.create("orchard-run-1", { "orchard:execution-arn": execution.id }, { Status: { State: "TERMINATED" } });

  await tell({ status: "TIMED_OUT" });

  expect(sent[0]?.Message).toContain("did not end within its time limit");
  expect(sent[0]?.Message).not.toContain("terminate-clusters");
});

const justBeingCreated = "one that was just being created is ended by the sweep within 15 minutes";

test("a stop may fall while a cluster is being created: that none was found is not all", async () => {
  await tell({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain(`Cluster:   none was found; ${justBeingCreated}`);
});

test("a cluster that is gone is not all either: a redriven execution may have been creating another", async () => {
  emr.create("orchard-run-1", { "orchard:execution-arn": execution.id }, { Status: { State: "TERMINATED" } });

  await tell({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("j-1, TERMINATED\n");
  expect(sent[0]?.Message).toContain(justBeingCreated);
});

test("nor is one that is alive: it may be an earlier run's, which is still going", async () => {
  emr.create("orchard-run-1", { "orchard:execution-arn": execution.id }, { Status: { State: "TERMINATING" } });

  await tell({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("one that was just being created");
});

test("an execution on a borrowed cluster creates none", async () => {
  await tell({ status: "ABORTED", input: '{"cluster":{"id":"j-9"}}' });

  expect(sent[0]?.Message).toContain("j-9, which the input names, is left alone");
  expect(sent[0]?.Message).not.toContain("none was found");
  expect(sent[0]?.Message).not.toContain(justBeingCreated);
});

test("a cluster that EMR gives no answer about is not passed over", async () => {
  emr.undescribable = emr.create("orchard-run-1", { "orchard:execution-arn": execution.id });

  await tell({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("one may be alive");
  expect(sent[0]?.Message).not.toContain("none was found");
});

test("a list of clusters that EMR refuses is not taken for an empty one", async () => {
  emr.listablePages = 0;

  await tell({ status: "ABORTED" });

  expect(sent[0]?.Message).toContain("one may be alive");
});

test("an answer that is older than the end it was told of is asked for again", async () => {
  const endedAt = new Date("2026-01-01T01:00:00Z");

  await expect(tell({ status: "RUNNING" }, endedAt)).rejects.toThrow("still says RUNNING");
  await tell({ status: "RUNNING", redriveDate: new Date("2026-01-01T01:00:01Z") }, endedAt);

  expect(sent).toEqual([]);
});

test.each(["States.Runtime", "States.DataLimitExceeded"])("%s, which no Catch sees, is told", async (error) => {
  await tell({ status: "FAILED", error, cause: "because" });

  expect(sent[0]?.Message?.split("\n")[0]).toBe(`${error}: because`);
});

test.each([{ status: "FAILED", error: "States.TaskFailed" }, { status: "RUNNING" }, { status: "SUCCEEDED" }] as const)(
  "$status $error is told by the workflow itself, or not over",
  async (found) => {
    await tell(found);

    expect(sent).toEqual([]);
  },
);
