import { describe, expect, it } from "vitest";
import { renderReport } from "../../../cli/execution/render-report.ts";
import { makeReport } from "../../../cli/execution/run-report.ts";
import { seededWarning } from "../../../lambdas/contract/seeded-weights.ts";
import { aPlan, aValidation } from "../../lambdas/fixtures.ts";

const low = "50 components keep 85.0 % of the variance, less than 90 %";
const plan = aPlan("data");
const parts = {
  runId: "run-1",
  executionArn: "arn:aws:states:eu-west-1:111122223333:execution:Orchard:run-1",
  status: "SUCCEEDED",
  error: null,
  data: {
    plan: { ...plan, model: { ...plan.model, weights: "seeded" } },
    validation: aValidation({ warnings: [low, seededWarning] }),
  },
  visits: [],
  results: { folder: null, uri: "s3://data/runs/run-1/", files: 3 },
  cluster: undefined,
  seconds: 60,
};

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

describe("renderReport", () => {
  it("says each warning once", () => {
    const shown = renderReport(makeReport({ ...parts, mail: undefined }), null);

    expect(count(shown, low)).toBe(1);
    expect(count(shown, "SEEDED RANDOM WEIGHTS")).toBe(1);
  });

  it("leaves the warnings to the mail that it quotes", () => {
    const message = `Run run-1 succeeded.\n\n${seededWarning}\n\nWarnings:\n- ${low}`;
    const mail = { subject: "", message, timestamp: "", topicArn: "" };
    const shown = renderReport(makeReport({ ...parts, mail }));

    expect(count(shown, low)).toBe(1);
    expect(count(shown, "SEEDED RANDOM WEIGHTS")).toBe(1);
  });

  it("names the page's copy, or else the command that opens it", () => {
    const report = { uri: "s3://data/runs/run-1/report/report.html", bytes: 1_000 };
    const data = { ...parts.data, report };
    const embedded = parts.executionArn.replace("111122223333", "000000000000");
    const results = { ...parts.results, folder: "results/run-1" };
    const show = (more: object): string => renderReport(makeReport({ ...parts, mail: undefined, ...more }), null);

    expect(show({})).not.toContain("Report");
    expect(show({ data })).toMatch(/Report +orchard results run-1 --open$/m);
    expect(show({ data, executionArn: embedded })).toMatch(/Report +orchard results run-1 --open --local$/m);
    expect(show({ data, results })).toMatch(/Report +results\/run-1\/report\/report\.html$/m);
  });
});
