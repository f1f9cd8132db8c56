import { describe, expect, it } from "vitest";
import { readBilledCosts } from "../../../cli/account/billed-costs.ts";
import { type Answer, json, useAws, xml } from "../terminal/aws-server.ts";
import { runInProcess } from "../terminal/in-process.ts";

const aws = useAws();
const runs = json(200, {
  executions: [
    {
      name: "run-2",
      executionArn: "arn:2",
      startDate: Date.UTC(2026, 1, 3) / 1_000,
      stopDate: Date.UTC(2026, 1, 3, 1) / 1_000,
      status: "SUCCEEDED",
    },
    {
      name: "run-1",
      executionArn: "arn:1",
      startDate: Date.UTC(2026, 0, 31, 23) / 1_000,
      stopDate: Date.UTC(2026, 1, 1) / 1_000,
      status: "FAILED",
    },
  ],
});
const noObject = xml(404, "<Error><Code>NoSuchKey</Code></Error>");

/** Cost Explorer's groups of one month, by the value of the tag. */
function month(amounts: Readonly<Record<string, string>>) {
  return {
    Groups: Object.entries(amounts).map(([name, Amount]) => ({
      Keys: [`orchard:run-id$${name}`],
      Metrics: { UnblendedCost: { Amount, Unit: "USD" } },
    })),
  };
}

function bills(...pages: readonly (readonly object[])[]): Answer {
  let page = 0;
  return (response, request) => {
    page += 1;
    const NextPageToken = page < pages.length ? { NextPageToken: String(page) } : {};
    json(200, { ResultsByTime: pages[page - 1], ...NextPageToken })(response, request);
  };
}

const questions = () =>
  aws.requests.filter(({ name }) => name === "GetCostAndUsage").map(({ body }) => JSON.parse(body.toString()));

describe("orchard list --billed", () => {
  it("shows what AWS has billed for each run, of all months and pages together", async () => {
    Object.assign(aws.answers, { ListExecutions: runs, Get: noObject });
    aws.answers["GetCostAndUsage"] = bills(
      [month({ "": "9", "run-1": "0.25" }), month({ "run-1": "0.5" })],
      [month({ other: "1" })],
    );

    const { exitCode, stdout, stderr } = await runInProcess("list", "--billed");

    expect(stderr).toBe("");
    expect(stdout.split("\n").map((line) => line.trim().split(/\s{2,}/))).toEqual([
      ["RUN", "OUTCOME", "MODE", "IMAGES", "MINUTES", "USD", "BILLED", "STARTED"],
      ["run-2", "SUCCEEDED", "60.0", expect.any(String)],
      ["run-1", "FAILED", "60.0", "0.75 USD", expect.any(String)],
      [""],
    ]);
    expect(exitCode).toBe(0);
    expect(questions()).toEqual([
      expect.objectContaining({ GroupBy: [{ Type: "TAG", Key: "orchard:run-id" }] }),
      expect.objectContaining({ NextPageToken: "1" }),
    ]);
  });

  it("prints the same as JSON", async () => {
    Object.assign(aws.answers, {
      ListExecutions: runs,
      Get: noObject,
      GetCostAndUsage: bills([month({ "run-2": "1" })]),
    });

    const { stdout } = await runInProcess("list", "--billed", "--json");

    expect(JSON.parse(stdout).runs).toMatchObject([
      { runId: "run-2", billed: { amount: 1, currency: "USD" } },
      { runId: "run-1", billed: null },
    ]);
  });

  it("says which tag to activate when no run has a bill", async () => {
    Object.assign(aws.answers, { ListExecutions: runs, Get: noObject, GetCostAndUsage: bills([month({ "": "9" })]) });

    const { exitCode, stderr } = await runInProcess("list", "--billed");

    expect(stderr).toMatch(
      /^Cost Explorer knows no bill of these runs\. It needs the cost allocation tag orchard:run-id/,
    );
    expect(exitCode).toBe(0);
  });

  it("asks nobody when there are no runs", async () => {
    Object.assign(aws.answers, { ListExecutions: json(200, { executions: [] }) });

    const { exitCode, stdout, stderr } = await runInProcess("list", "--billed");

    expect([exitCode, stdout, stderr]).toEqual([0, expect.stringContaining("There are no runs yet"), ""]);
    expect(questions()).toEqual([]);
  });

  it("needs the permission of Cost Explorer", async () => {
    Object.assign(aws.answers, { ListExecutions: runs, Get: noObject });
    aws.answers["GetCostAndUsage"] = json(400, { __type: "AccessDeniedException", message: "no ce:GetCostAndUsage" });

    expect(await runInProcess("list", "--billed")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "AWS has refused a request (AccessDeniedException: no ce:GetCostAndUsage).",
    });
  });
});

it.each([
  ["begins with the day of the earliest run", "2026-01-31T23:00:00Z", "2026-01-31"],
  ["goes back no further than Cost Explorer remembers", "2020-01-01T00:00:00Z", "2025-01-01"],
])("the question %s, and ends with today", async (_, since, Start) => {
  aws.answers["GetCostAndUsage"] = bills([]);

  await readBilledCosts(new Date(since), new Date("2026-02-28T23:59:59Z"));

  expect(questions()).toMatchObject([{ TimePeriod: { Start, End: "2026-03-01" } }]);
});
