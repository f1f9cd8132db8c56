import { S3Client } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { reportLines, signReportLink } from "../../../lambdas/mail/report-link.ts";
import { logger } from "../../../lambdas/runtime/handler.ts";
import { aPlan, aValidation } from "../fixtures.ts";
import { embeddedExecution, execution, state, succeeded } from "./states.ts";

logger.setLogLevel("SILENT");
const report = { uri: "s3://data/runs/run-1/report/report.html", bytes: 1_000 };
const reported = { ...succeeded, report };
const temporary = { accessKeyId: "key", secretAccessKey: "secret", sessionToken: "token" };
const s3 = new S3Client({ region: "eu-west-1", credentials: temporary });

test("signs a link to the page alone, by TLS, for six hours, with the role's temporary credentials", async () => {
  const link = new URL((await signReportLink(reported, execution.id, s3)) ?? "");

  expect(link.origin + link.pathname).toBe("https://data.s3.eu-west-1.amazonaws.com/runs/run-1/report/report.html");
  expect(link.searchParams.get("X-Amz-Expires")).toBe("21600");
  expect(link.searchParams.get("X-Amz-Security-Token")).toBe("token");
  expect(link.searchParams.get("x-id")).toBe("GetObject");
});

test("signs nothing without a page, and on the embedded account", async () => {
  expect(await signReportLink(succeeded, execution.id, s3)).toBeNull();
  expect(await signReportLink(reported, embeddedExecution.id, s3)).toBeNull();
});

test("does without a link if it cannot be signed, because the mail must be sent", async () => {
  const without = new S3Client({ region: "eu-west-1", credentials: () => Promise.reject(new Error("No credentials")) });

  expect(await signReportLink(reported, execution.id, without)).toBeNull();
});

test("the lines have the command, and the link on a line of its own with its limits", () => {
  expect(reportLines(reported, execution.id, "https://link")).toEqual([
    "Report:    orchard results run-1 --open",
    "           or this link, which works for at most 6 hours, for everybody who has it:",
    "https://link",
  ]);
  expect(reportLines(reported, embeddedExecution.id, null)).toEqual([
    "Report:    orchard results run-1 --open --local",
  ]);
});

test("the lines say why there is no page, or name the earlier run that has one", () => {
  const reuse = { run: "s3://data/runs/run-0/", validation: aValidation() };

  expect(reportLines(state({ reportError: { Error: "States.Timeout", Cause: "" } }), execution.id, null)).toEqual([
    "Report:    none, because it could not be written: States.Timeout",
  ]);
  expect(reportLines(state({ plan: aPlan("data", { reuse }) }), execution.id, null)).toEqual([
    "Report:    orchard results run-0 --open",
  ]);
  expect(reportLines(state({}), execution.id, null)).toEqual([]);
});
