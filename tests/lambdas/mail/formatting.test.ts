import fc from "fast-check";
import { expect, test } from "vitest";
import { startCommand, subjectLine } from "../../../lambdas/mail/formatting.ts";
import { anExecution } from "../fixtures.ts";

test("a subject is valid for SNS, whatever the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300, size: "max" }), (text) => {
      expect(subjectLine(`Orchard: ${text}`)).toMatch(/^[\x20-\x7e]{1,99}$/);
    }),
  );
  expect(subjectLine("Été\n2")).toBe("Ete 2");
});

test("the command to start again refers to a file if the input is long", () => {
  expect(startCommand("x".repeat(4_001), anExecution().id)).toMatch(/ --input file:\/\/input\.json$/);
});
