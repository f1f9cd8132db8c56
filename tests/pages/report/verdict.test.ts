import { expect, it } from "vitest";
import type { ReportData } from "../../../lambdas/contract/report-data.ts";
import { verdictOf } from "../../../pages/report/verdict.ts";
import { exampleReport } from "./example-data.ts";

const good = await exampleReport({ images: 2, labels: ["one"], sample: 2, thumbnails: 0 });
const [check = expect.fail()] = good.checks;
const model = { ...good.model, weights: "seeded" } as const;

it.each<readonly [string, string, Partial<ReportData>, string]>([
  [
    "good",
    "Checks passed",
    {},
    "You can trust this run of 2 images of 1 label: 4 checks passed, 3 images failed and the weights are ImageNet's.",
  ],
  [
    "bad",
    "Checks failed",
    { model, checks: [check, { ...check, ok: false }] },
    "Do not trust this run of 2 images of 1 label: 1 of 2 checks failed.",
  ],
  [
    "warn",
    "Not checked",
    { checks: [] },
    "This run has 2 images of 1 label: its checks are not known, 3 images failed and the weights are ImageNet's.",
  ],
  [
    "warn",
    "Random weights",
    { model, checks: [check] },
    "The features of these 2 images of 1 label mean nothing, because the model's weights are random; 1 check passed and 3 images failed.",
  ],
  [
    "good",
    "Checks passed",
    { model, validation: { ...good.validation, errors: 0, computed: null, reused: null } },
    "You can trust this run of 2 images of 1 label: 4 checks passed and no image failed.",
  ],
])("a run is %s (%s) with %j", (tone, badge, changes, sentence) => {
  expect(verdictOf({ ...good, ...changes })).toEqual({ tone, badge, sentence });
});
