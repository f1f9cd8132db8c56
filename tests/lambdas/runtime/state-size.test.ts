// The state data is limited to 262,144 bytes, and States.DataLimitExceeded is an error that no Catch handles.
import type { Context } from "aws-lambda";
import { expect, test } from "vitest";
import { z } from "zod";
import { maxInputBytes } from "../../../lambdas/contract/input.ts";
import { OrchardError } from "../../../lambdas/runtime/errors.ts";
import { lambdaHandler } from "../../../lambdas/runtime/handler.ts";
import { diagnose, failedStep, LogBucket, onCluster } from "../diagnosis/failed-run.ts";
import { anExecution } from "../fixtures.ts";

const maxDataBytes = 262_144;
/** Step Functions cuts a longer cause. */
const maxCauseCharacters = 32_768;

/** The error that Lambda reports of a function that throws, as a Catch receives it. */
async function caught(thrown: Error): Promise<{ readonly Error: string; readonly Cause: string }> {
  const handler = lambdaHandler(z.object({}), () => Promise.reject(thrown));
  const error = await handler({}, {} as Context).then(
    () => undefined,
    (reason: Error) => reason,
  );
  if (error === undefined) throw new Error("The handler did not throw");
  const { name, message, stack = "" } = error;
  const Cause = JSON.stringify({ errorType: name, errorMessage: message, trace: stack.split("\n") });
  return { Error: name, Cause: Cause.slice(0, maxCauseCharacters) };
}

class Refused extends OrchardError {}

test("with the largest input and the longest errors of every state, the state data stays below its limit", async () => {
  const logs = new LogBucket();
  logs.write(
    "steps/s-2/stderr.gz",
    Array.from({ length: 1_000 }, () => `orchard: error: ${"例".repeat(10_000)}`),
  );
  const error = { Error: "States.TaskFailed", Cause: "例".repeat(maxCauseCharacters) };
  const run = onCluster(error, { splits: Array.from({ length: 16 }, () => "é".repeat(1_024)) });
  const long = await caught(new Error("例".repeat(100_000)));

  const diagnosis = await diagnose(logs, run, { steps: [failedStep] });

  const state = {
    ...run,
    input: { label: "x".repeat(maxInputBytes) },
    teardownError: long,
    diagnosis,
    diagnosisError: long,
    notifyError: long,
  };
  expect(Buffer.byteLength(JSON.stringify({ state, execution: anExecution() }))).toBeLessThan(maxDataBytes);
});

test("a function reports at most 8 KiB of a message, and as much of its stack", async () => {
  for (const thrown of [new Error('"'.repeat(1_000_000)), new Refused('"'.repeat(1_000_000))]) {
    const { Cause } = await caught(thrown);

    expect(Cause.length).toBeLessThanOrEqual(maxCauseCharacters);
    expect(Buffer.byteLength(Cause)).toBeLessThan(40_000);
  }
});
