// Checks that no text of an input, an error or a log becomes a line of its own in a mail.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type PartialState, partialStateSchema } from "../../../lambdas/contract/state-data.ts";
import { failureMail } from "../../../lambdas/mail/failure.ts";
import type { Mail } from "../../../lambdas/mail/sending.ts";
import { type StoppedExecution, stoppedMail } from "../../../lambdas/mail/stopped.ts";
import { successMail } from "../../../lambdas/mail/success.ts";
import { aPlan } from "../fixtures.ts";
import { execution, failed, halfAnHourLater, succeeded, validation } from "./states.ts";

const lineEnds = ["\n", "\r", "\r\n", "\u000b", "\u000c", "\u0085", "\u2028", "\u2029", "\n\n", "\u001b[2J", "\u202e"];
/** A text with a line that looks like one of ours. */
const forged = fc
  .tuple(
    fc.string({ maxLength: 20 }),
    fc.constantFrom(...lineEnds),
    fc.constantFrom("FORGED line", "FORGED:  x", "FORGED"),
  )
  .map((parts) => `text ${parts.join("")}`);

/** Every line begins with our own words, and none has a character that some reader takes for the end of a line. */
function expectNoForgedLine({ subject, message }: Mail): void {
  for (const line of message.split(/[\n\r\v\f\u0085\u2028\u2029]/)) expect(line).not.toMatch(/^\s*FORGED/);
  expect(message.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
  expect(subject).toMatch(/^[\x20-\x7e]{1,99}$/);
}

function stopped(members: Partial<StoppedExecution>): Mail {
  const base = { status: "ABORTED", error: "", cause: "", input: "{}", name: execution.name } as const;
  return stoppedMail({ ...base, executionArn: execution.id, ...members }, { ours: [], failures: [] });
}

test("in the mail about a stopped execution", () => {
  const input = fc.oneof(
    forged.map((label) => JSON.stringify({ mode: "mini", label })),
    forged.map((label) => JSON.stringify({ mode: "mini", label }, null, 2)),
    forged.map((id) => JSON.stringify({ mode: "mini", cluster: { id } })),
  );
  fc.assert(
    fc.property(forged, forged, input, (error, cause, json) => {
      expectNoForgedLine(stopped({ error, cause, input: json }));
      expectNoForgedLine(stopped({ status: "FAILED", error, cause, input: json }));
    }),
  );
});

test("in the mail about a failed run", () => {
  const diagnosis = fc.record({
    cause: forged,
    state: forged,
    log: forged,
    // The log's own lines are indented and under a heading.
    excerpt: fc.array(forged.map((line) => `> ${line}`)),
    remedy: forged,
  });
  const input = fc.record({ mode: forged, label: forged });
  const error = fc.record({ Error: forged, Cause: forged });
  fc.assert(
    fc.property(diagnosis, input, error, (found, given, thrown) => {
      expectNoForgedLine(failureMail(failed({ diagnosis: found, input: given, error: thrown }), execution));
      expectNoForgedLine(failureMail(partialStateSchema.parse({ input: given, error: thrown }), execution));
    }),
  );
});

test("in the mail about a success", () => {
  fc.assert(
    fc.property(fc.array(forged), forged, forged, (warnings, split, results) => {
      const plan = aPlan("data", { usedSplits: [split], unusedSplits: [split], warnings });
      const state: PartialState = { ...succeeded, plan, validation: { ...validation, warnings, results } };
      expectNoForgedLine(successMail(state, execution, halfAnHourLater));
    }),
  );
});

test("a cause of 32,768 characters leaves the mail short", () => {
  const { message } = stopped({ cause: "x".repeat(32_768) });

  expect(message.split("\n")[0]).toHaveLength("The execution was stopped: ".length + 1_000);
});

test("the command to start again has the same input in one line", () => {
  const input = { mode: "single-class", label: "a\u2028b\u0085'c\nd\u202e" };

  const { message } = stopped({ input: JSON.stringify(input, null, 2) });

  const command = message.split("\n").find((line) => line.includes("start-execution")) ?? "";
  const quoted = command.slice(command.indexOf("--input ") + "--input ".length);
  expect(JSON.parse(quoted.slice(1, -1).replaceAll("'\\''", "'"))).toEqual(input);
});

test("an input that was dropped leaves no command to start again", () => {
  const { message } = failureMail(
    partialStateSchema.parse({ error: { Error: "InvalidInput", Cause: "x" } }),
    execution,
  );

  expect(message).not.toContain("start-execution");
});
