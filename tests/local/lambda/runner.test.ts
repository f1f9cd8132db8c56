import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LambdaRunner } from "../../../local/lambda/runner.ts";
import type { AccountContext } from "../../../local/support/account-context.ts";
import { CallRecorder } from "../../../local/support/call-recorder.ts";
import { Callers } from "../../../local/support/callers.ts";
import {
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

let account: TestAccount;
let context: AccountContext;
const logged: string[] = [];

beforeAll(async () => {
  account = await testAccount();
  await createFunction(account, "fails", fails);
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
}, 60_000);

afterAll(() => account?.remove(), 60_000);

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
