import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { ConfirmSubscriptionCommand, CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { execa } from "execa";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type PartialState, partialStateSchema } from "../../lambdas/contract/state-data.ts";
import { failureMail, type Mail, subjectLine, successMail } from "../../lambdas/mail/mail.ts";
import { notify } from "../../lambdas/notify.ts";
import { anExecution, aPlan, uniqueName } from "./fixtures.ts";
import { measured } from "./measured.ts";
import { startMinistack } from "./ministack.ts";

const account = await startMinistack();

const execution = { ...anExecution(), startTime: "2026-01-01T00:00:00Z" };
const halfAnHourLater = new Date("2026-01-01T00:30:00Z");

const validation = {
  images: 59,
  labels: 3,
  errors: 1,
  errorRate: 1 / 60,
  computed: 13,
  reused: 47,
  components: 50,
  variance: 0.85,
  warnings: ["50 components keep 85.0 % of the variance, less than 90 %"],
  results: "s3://data/runs/run-1/",
};
const input = { mode: "mini", input: "s3://data/l'été/" };
function state(parts: object): PartialState {
  return partialStateSchema.parse({ input, plan: aPlan("data"), ...parts });
}

const cost = {
  quotedUsd: 0.08,
  actualUsd: 0.06,
  forecastErrorPercent: -25,
  minutes: { quoted: 16.2, actual: 12 },
  isFinal: true,
  isAlive: false,
  arithmetic: "",
};
const succeeded = state({ scripts: {}, cluster: { id: "j-1" }, validation, cost });
function failed(parts: object = {}): PartialState {
  return state({
    scripts: {},
    cluster: { id: "j-1" },
    error: { Error: "States.TaskFailed", Cause: "{}" },
    teardown: { clusterIds: ["j-1"], states: { "j-1": "TERMINATED" } },
    diagnosis: {
      cause: "7 images of 10 are bad",
      state: "ExtractFeatures",
      log: "s3://data/logs/emr/j-1/steps/s-1/stderr.gz",
      excerpt: ["orchard: error: 7 images of 10 are bad"],
      section: "job-fails",
      remedy: "Look at the errors",
    },
    ...parts,
  });
}

/** An http subscriber of the topic, which confirms as every one has to. */
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
  await expect.poll(() => mails[0]?.["Token"], { timeout: 10_000 }).toBeDefined();
  await account.sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: mails.shift()?.["Token"] }));
  return { mails, close: () => server.close() };
}

test("a mail goes to the topic's subscribers as it is answered", async () => {
  const { TopicArn = "" } = await account.sns.send(new CreateTopicCommand({ Name: uniqueName("topic") }));
  const { mails, close } = await subscribe(TopicArn);

  const sent = await notify({ state: succeeded, execution }, { TOPIC_ARN: TopicArn }, account.sns, halfAnHourLater);

  await expect.poll(() => mails, { timeout: 10_000 }).toHaveLength(1);
  expect(mails[0]).toMatchObject({ Subject: sent.subject, Message: sent.message, MessageId: sent.messageId });
  expect(measured()).toEqual({
    QuotedUsd: [succeeded.plan?.estimate.usd, "None"],
    CostUsd: [succeeded.cost?.actualUsd, "None"],
  });
  close();
});

function sent(answer: () => Promise<object>): SNSClient {
  return Object.assign(new SNSClient({}), { send: answer });
}

test("a cost that is not known is not measured, and nothing is where there was no cluster", async () => {
  const sns = sent(async () => ({ MessageId: "m" }));

  await notify({ state: { ...succeeded, cost: undefined }, execution }, { TOPIC_ARN: "arn:topic" }, sns);
  expect(measured()).toEqual({ QuotedUsd: [succeeded.plan?.estimate.usd, "None"] });

  await notify({ state: { ...succeeded, cluster: undefined }, execution }, { TOPIC_ARN: "arn:topic" }, sns);
  expect(measured()).toEqual({});
});

test("a mail that cannot be handed over is counted, and the failure is Step Functions' to retry", async () => {
  const sns = sent(() => Promise.reject(Object.assign(new Error("No"), { name: "AuthorizationErrorException" })));

  await expect(notify({ state: succeeded, execution }, { TOPIC_ARN: "arn:topic" }, sns)).rejects.toThrow("No");

  expect(measured()).toEqual({ NotificationFailed: [1, "Count"] });
});

test("a success tells what there is and where", () => {
  const { subject, message } = successMail(succeeded, execution, halfAnHourLater);

  expect(subject).toBe("Orchard: run-1 succeeded: 59 images, 85.0 % variance kept");
  for (const part of [
    "59 of 3 labels",
    "1 (1.67 %), see s3://data/runs/run-1/errors/",
    "13 computed, 47 reused",
    "85.00 % kept by 50 components",
    "30.0 minutes",
    "Cost:      0.06 USD for 12.0 minutes of the cluster, without tax",
    "Quoted:    0.08 USD for 16.2 minutes; it was 25 % cheaper",
    "Results:   s3://data/runs/run-1/",
    "- 50 components keep 85.0 % of the variance, less than 90 %",
    "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:",
    "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-1",
  ]) {
    expect(message).toContain(part);
  }
});

test("a success whose cost could not be told says so, and the quote", () => {
  const { message } = successMail(state({ cluster: { id: "j-1" }, validation }), execution, halfAnHourLater);

  expect(message).toContain("Cost:      not known; quoted before the run: 0.08 USD");
});

test("the cost of a cluster that runs on is told as such", () => {
  const kept = state({ cluster: { id: "j-1" }, validation, cost: { ...cost, isFinal: false } });

  expect(successMail(kept, execution, halfAnHourLater).message).toContain("0.06 USD so far");
});

test("a success without anything new tells the earlier run's numbers", () => {
  const reuse = { run: "s3://data/runs/run-0/", validation: { ...validation, results: "s3://data/runs/run-0/" } };
  const { subject, message } = successMail(state({ plan: aPlan("data", { reuse }) }), execution, halfAnHourLater);

  expect(subject).toBe("Orchard: run-1 succeeded: nothing new, 59 images, 85.0 % variance kept");
  for (const part of [
    "no cluster was created",
    "59 of 3 labels",
    "Results:   s3://data/runs/run-0/",
    "Cost:      0.00 USD, no cluster",
  ]) {
    expect(message).toContain(part);
  }
  expect(message).not.toContain("terminated");
});

test("a success that only reduced names the bad images of the run that has the features", () => {
  const plan = aPlan("data", { features: "s3://data/runs/run-0/features/parquet" });

  expect(successMail(state({ plan, validation }), execution, halfAnHourLater).message).toContain(
    "see s3://data/runs/run-0/errors/",
  );
});

test("a failure tells what and why in its first line, and what to do", () => {
  const { subject, message } = failureMail(failed(), execution);

  expect(subject).toBe("Orchard: run-1 FAILED in ExtractFeatures: States.TaskFailed");
  expect(message.split("\n")[0]).toBe("ExtractFeatures failed: 7 images of 10 are bad");
  for (const part of [
    "Run:       run-1 (mini)",
    "State:     ExtractFeatures",
    "j-1, terminated",
    "Log:       s3://data/logs/emr/j-1/steps/s-1/stderr.gz",
    "Do this:   Look at the errors",
    "See:       docs/troubleshooting.md#job-fails",
    "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:",
    "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-1",
    "aws stepfunctions start-execution --state-machine-arn ",
  ]) {
    expect(message).toContain(part);
  }
});

test("the command that starts again survives a shell", async () => {
  const { message } = failureMail(failed(), execution);
  const command = message.split("\n").find((line) => line.includes("start-execution")) ?? "";

  const { stdout } = await execa("bash", ["-c", `aws() { printf '%s\\n' "$@"; }; ${command}`]);

  expect(stdout.split("\n")).toEqual([
    "stepfunctions",
    "start-execution",
    "--state-machine-arn",
    "arn:aws:states:eu-west-1:000000000000:stateMachine:Orchard",
    "--input",
    JSON.stringify(input),
  ]);
});

test("a cluster that may still run is said first, with the command that ends it", () => {
  const teardownError = { Error: "ClusterStillTerminating", Cause: "" };
  const { subject, message } = failureMail(failed({ teardownError }), execution);

  expect(subject).toMatch(/^Orchard: CLUSTER MAY BE RUNNING, run-1 FAILED/);
  expect(message).toMatch(/MAY STILL BE RUNNING AND COST MONEY \(j-1\)/);
  expect(message).toContain("aws emr terminate-clusters --cluster-ids j-1");
  expect(message).toContain("docs/troubleshooting.md#a-cluster-is-left");
  expect(message).not.toContain("j-1, terminated");
});

test("a failure before any cluster says that there was none", () => {
  const { message } = failureMail(
    partialStateSchema.parse({
      input,
      error: { Error: "InvalidInput", Cause: "x" },
      teardown: { clusterIds: [], states: {} },
      diagnosis: { cause: "label: there is none", state: "Preflight" },
    }),
    execution,
  );

  expect(message).toContain("Cluster:   none was created");
});

test("a failure's mail tells what the cluster has cost, and does not compare it with the quote of a whole run", () => {
  const { message } = failureMail(failed({ diagnosis: { cause: "x", cost } }), execution);

  expect(message).toContain("Cost:      0.06 USD for 12.0 minutes of the cluster, without tax");
  expect(message).toContain("Quoted:    0.08 USD for 16.2 minutes\n");
});

test.each([
  ["TERMINATED_WITH_ERRORS", "terminated"],
  ["TERMINATING", "being terminated"],
])("a creation that failed hands on no id: the diagnosis has seen the cluster %s", (clusterState, end) => {
  const diagnosis = { cause: "x", cluster: { id: "j-2", state: clusterState } };
  const teardown = { clusterIds: [], states: {} };
  const { subject, message } = failureMail(failed({ cluster: undefined, teardown, diagnosis }), execution);

  expect(message).toContain(`Cluster:   j-2, ${end}\n`);
  expect(message).toContain("https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-2");
  expect(subject).not.toContain("MAY BE RUNNING");
});

test("a cluster that the teardown did not find, and the diagnosis saw alive, is said first", () => {
  const diagnosis = { cause: "x", cluster: { id: "j-2", state: "RUNNING" } };
  const teardown = { clusterIds: [], states: {} };
  const { subject, message } = failureMail(failed({ cluster: undefined, teardown, diagnosis }), execution);

  expect(subject).toMatch(/^Orchard: CLUSTER MAY BE RUNNING, run-1 FAILED/);
  expect(message).toContain("MAY STILL BE RUNNING AND COST MONEY (j-2); the teardown did not find it");
  expect(message).toContain("aws emr terminate-clusters --cluster-ids j-2");
});

test("without any id there is no cluster left", () => {
  const { message } = failureMail(failed({ cluster: undefined, teardown: { clusterIds: [], states: {} } }), execution);

  expect(message).toContain("Cluster:   none is left");
});

test("a cause of many lines' length is cut, and the mail goes on", () => {
  const { message } = failureMail(failed({ diagnosis: { cause: "x".repeat(5_000) } }), execution);

  expect(message.split("\n")[0]?.length).toBeLessThan(1_100);
  expect(message).toContain("start-execution");
});

test("a failure without a diagnosis still has a cause", () => {
  const { message } = failureMail(
    partialStateSchema.parse({ error: { Error: "E", Cause: "the first cause" } }),
    execution,
  );

  expect(message.split("\n")[0]).toBe("an unknown state failed: the first cause");
});

test.each<[string, (seeded: PartialState) => Mail]>([
  ["success", (seeded) => successMail(seeded, execution, halfAnHourLater)],
  ["failure", (seeded) => failureMail({ ...seeded, error: { Error: "E", Cause: "" } }, execution)],
])("seeded weights are said loudly in the mail about a %s", (_, mail) => {
  const plan = aPlan("data");
  const seeded = state({ validation, plan: { ...plan, model: { ...plan.model, weights: "seeded" } } });

  expect(mail(seeded).message).toContain("SEEDED RANDOM WEIGHTS");
});

test("a subject is what SNS takes, whatever goes in", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300, size: "max" }), (text) => {
      const subject = subjectLine(`Orchard: ${text}`);
      expect(subject).toMatch(/^[\x20-\x7e]{1,99}$/);
    }),
  );
  expect(subjectLine("Été\n2")).toBe("Ete 2");
});
