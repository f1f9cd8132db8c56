import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { LambdaClient, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { LambdaRunner } from "../../../local/lambda/runner.ts";
import type { AccountContext } from "../../../local/support/account-context.ts";
import { CallRecorder } from "../../../local/support/call-recorder.ts";
import { Callers } from "../../../local/support/callers.ts";
import {
  clientConfig,
  createFunction,
  credentials,
  ministackOf,
  project,
  region,
  type TestAccount,
  testAccount,
  until,
} from "../account-fixtures.ts";

const fails = `
import { appendFileSync, readFileSync } from "node:fs";
export const handler = async ({ file, times }) => {
  appendFileSync(file, "x");
  if (readFileSync(file, "utf8").length <= times) throw new RangeError("not yet");
};`;

const counts = `
let calls = 0;
export const handler = async ({ sleep = 0, reject, exit, fail, print }, { logStreamName }) => {
  if (print) console.log(print);
  if (fail) throw new RangeError("no");
  if (exit) process.exit(3);
  if (reject) Promise.reject(new TypeError("lost"));
  await new Promise((resolve) => setTimeout(resolve, sleep));
  return { calls: ++calls, process: process.pid, colour: process.env.COLOUR, stream: logStreamName };
};`;

let account: TestAccount;
let context: AccountContext;
const logged: string[] = [];

beforeAll(async () => {
  account = await testAccount();
  await createFunction(account, "fails", fails);
  await createFunction(account, "counts", counts);
  context = {
    endpoint: account.endpoint,
    ministack: await ministackOf(account, "fails"),
    directory: account.directory,
    tools: join(project, ".orchard"),
    region,
    accountId: "000000000000",
    credentials: credentials(account),
    log: (line) => logged.push(line),
  };
});

afterAll(() => account?.remove());

function runner(...retryPausesSeconds: readonly number[]) {
  return new LambdaRunner(
    context,
    new Callers(context.credentials),
    new CallRecorder(context, () => ({})),
    retryPausesSeconds,
  );
}

test.each([
  [0, 1, []],
  [1, 2, [/^lambda: fails failed, retrying in 0.1 s: .*"RangeError".*not yet/]],
  [9, 3, [/retrying in 0.1 s/, /retrying in 0.2 s/, /no retries are left/]],
])("an asynchronous invocation that fails %i times runs %i times", async (times, tried, lines) => {
  const file = join(account.directory, `failed-${times}`);
  logged.length = 0;

  await runner(0.1, 0.2).invokeAsync("fails", JSON.stringify({ file, times }));

  expect(readFileSync(file, "utf8")).toHaveLength(tried);
  expect(logged).toEqual(lines.map((line) => expect.stringMatching(line)));
});

test("stop ends a pending retry", async () => {
  const file = join(account.directory, "stopped");
  const lambda = runner(3600);
  logged.length = 0;

  const invocation = lambda.invokeAsync("fails", JSON.stringify({ file, times: 9 }));
  await until(
    async () => logged,
    (lines) => lines.length > 0,
  );
  await lambda.stop();
  await invocation;

  expect(readFileSync(file, "utf8")).toBe("x");
});

async function count(lambda: LambdaRunner, event: object = {}) {
  const { payload, functionError } = await lambda.invoke("counts", JSON.stringify(event));
  return { ...JSON.parse(payload), functionError };
}

test("calls share a process and the state of its modules, one after the other", async () => {
  const lambda = runner();
  onTestFinished(() => lambda.stop());

  const first = await count(lambda);
  const failed = await count(lambda, { fail: true });
  const third = await count(lambda);
  const both = await Promise.all([count(lambda, { sleep: 2000 }), count(lambda, { sleep: 2000 })]);

  expect(first.calls).toBe(1);
  expect(failed).toMatchObject({ errorType: "RangeError", functionError: "Unhandled" });
  expect(third).toMatchObject({ calls: 2, process: first.process });
  expect(both.map(({ calls }) => calls).sort()).toEqual([1, 3]);
});

test.each([
  [{ exit: true }, "Runtime.ExitError"],
  [{ reject: true, sleep: 1000 }, "TypeError"],
])("after %j the next call has a new process", async (event, errorType) => {
  const lambda = runner();
  onTestFinished(() => lambda.stop());
  await count(lambda);

  const failed = await count(lambda, event);
  const next = await count(lambda);

  expect(failed).toMatchObject({ errorType, functionError: "Unhandled" });
  expect(next.calls).toBe(1);
});

test("a call after a time-out or a change of the configuration has a new process", async () => {
  const lambda = runner();
  onTestFinished(() => lambda.stop());
  const client = new LambdaClient(clientConfig(account));
  const change = (more: object) =>
    client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "counts", ...more }));
  onTestFinished(async () => void (await change({ Timeout: 60 })));
  await count(lambda);

  await change({ Environment: { Variables: { COLOUR: "red" } } });
  const changed = await count(lambda);
  await change({ Timeout: 1 });
  const timedOut = await count(lambda, { sleep: 60_000 });
  await change({ Timeout: 60 });
  const afterwards = await count(lambda);

  expect(changed).toMatchObject({ calls: 1, colour: "red" });
  expect(timedOut.errorType).toBe("Sandbox.Timedout");
  expect(afterwards.calls).toBe(1);
});

test("the calls of a process write to one log stream, each with its own lines", async () => {
  const lambda = runner();
  onTestFinished(() => lambda.stop());
  const long = "y".repeat(100_000);

  const first = await count(lambda, { print: `first ${long}` });
  await count(lambda, { print: "second", fail: true });

  const logs = new CloudWatchLogsClient(clientConfig(account));
  const stream = { logGroupName: "/aws/lambda/counts", logStreamName: first.stream, startFromHead: true };
  const { events = [] } = await logs.send(new GetLogEventsCommand(stream));
  const words = events.map(({ message = "" }) => message.split(/[ :]/)[0]).filter((word) => word !== "");
  expect(words).toEqual(["START", "first", "END", "REPORT", "START", "second", "RangeError", "END", "REPORT"]);
});

test("stop ends waiting processes", async () => {
  const lambda = runner();
  const { process } = await count(lambda);

  await lambda.stop();

  expect(() => globalThis.process.kill(process, 0)).toThrow("ESRCH");
});
