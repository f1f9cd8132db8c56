import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { consoleLinks, startCommand, subjectLine } from "../../../lambdas/mail/formatting.ts";
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

test.each([
  ["aws", "eu-west-1", "https://eu-west-1.console.aws.amazon.com/"],
  ["aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/"],
  ["aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"],
  ["aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"],
])("the links of the partition %s lead to its console", (partition, region, console) => {
  const links = consoleLinks(`arn:${partition}:states:${region}:111122223333:execution:Orchard:run`, ["j-1"]);

  expect(links.map((link) => link.replace(/^\w+: +/, "").slice(0, console.length))).toEqual([console, console]);
});

test("the link of a run on the embedded account leads to the account's own console", () => {
  vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:4567");
  const arn = "arn:aws:states:eu-central-1:000000000000:execution:Orchard:run-1";

  const links = consoleLinks(arn, ["j-1"]);

  expect(links).toEqual([
    `Execution:  http://127.0.0.1:4567/_orchard/console#/executions/${arn}`,
    "Look at it: orchard show run-1 --local",
  ]);
  vi.unstubAllEnvs();
});
