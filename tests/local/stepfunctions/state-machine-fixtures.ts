import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { afterAll, beforeAll } from "vitest";
import { clientConfig, createFunction, type TestAccount, testAccount, until } from "../account-fixtures.ts";

export let account: TestAccount;
export let sfn: SFNClient;

const probe = `
class ResultsInvalid extends Error { name = "ResultsInvalid"; }
export const handler = async (event, context) => {
  if (event.throw) throw new ResultsInvalid("row count is 299, not 300");
  if (event.hang) await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (event.exit) process.exit(7);
  if (event.bytes) return "x".repeat(event.bytes);
  return { greeting: process.env.GREETING, home: process.env.HOME ?? null, name: context.functionName, event };
};`;

const secondTime = `
import { existsSync, writeFileSync } from "node:fs";
export const handler = async ({ marker, ...event }) => {
  if (existsSync(marker)) return event;
  writeFileSync(marker, "");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};`;

const hanging = "export const handler = () => new Promise((resolve) => setTimeout(resolve, 60_000));";

/** Starts an account with the functions `probe`, `second-time` and `hanging` for the tests of a file. */
export function useStateMachines(): void {
  beforeAll(async () => {
    account = await testAccount();
    sfn = new SFNClient(clientConfig(account));
    await createFunction(account, "probe", probe, 60);
    await createFunction(account, "second-time", secondTime, 60);
    await createFunction(account, "hanging", hanging, 1);
  });
  afterAll(() => account?.remove());
}

/** Returns a Task that invokes a function. */
export function invoke(payload: object, more: object = {}, functionName = "probe") {
  return {
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke",
    Parameters: { FunctionName: functionName, Payload: payload },
    TimeoutSeconds: 60,
    End: true,
    ...more,
  };
}

export async function machine(name: string, states: Record<string, object>, more: object = {}): Promise<string> {
  const definition = JSON.stringify({ StartAt: Object.keys(states)[0], States: states, ...more });
  const answer = await sfn.send(
    new CreateStateMachineCommand({ name, definition, roleArn: "arn:aws:iam::000000000000:role/workflow" }),
  );
  return answer.stateMachineArn ?? "";
}

export function start(stateMachineArn: string, more: object = {}) {
  return sfn.send(new StartExecutionCommand({ stateMachineArn, ...more })).then((answer) => answer.executionArn ?? "");
}

export function describeExecution(executionArn: string) {
  return sfn.send(new DescribeExecutionCommand({ executionArn }));
}

export function ended(executionArn: string) {
  return until(
    () => describeExecution(executionArn),
    ({ status }) => status !== "RUNNING",
  );
}

export async function history(executionArn: string) {
  return (await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }))).events ?? [];
}
