import type { ReportFigures } from "../../../lambdas/contract/report-figures.ts";
import type { ReportedRun } from "../../../lambdas/report/assemble.ts";
import { anExecution, aPlan, aValidation } from "../fixtures.ts";

export const startedAt = new Date("2026-01-01T00:00:00Z");
export const writtenAt = minutesLater(30);

export function minutesLater(minutes: number): Date {
  return new Date(startedAt.getTime() + 60_000 * minutes);
}

/** A run on AWS whose cluster is gone. */
export function aRun(changes: Partial<ReportedRun> = {}): ReportedRun {
  const execution = anExecution();
  return {
    plan: aPlan("data"),
    validation: aValidation(),
    input: { mode: "mini" },
    cluster: { id: "j-1" },
    execution: {
      ...execution,
      id: execution.id.replace("000000000000", "111122223333"),
      startTime: startedAt.toISOString(),
    },
    ...changes,
  };
}

const packed = { type: "uint8", columns: 1, base64: "AA==" } as const;

/** The figures of one image. */
export const figures: ReportFigures = {
  labels: [{ label: "Apple", images: 1 }],
  images: { total: 1, prefix: "s3://data/data/raw/Training/", paths: ["Apple/0.jpg"], labels: packed },
  components: [{ minimum: 0, step: 1, values: packed }],
  sample: {
    images: [0],
    components: 1,
    neighbours: { ...packed, base64: "" },
    distances: [[]],
    agreement: null,
    silhouette: null,
  },
  confusions: [],
  duplicates: { bound: 0.1, exact: { pairs: 0, examples: [] }, near: { pairs: 0, examples: [] } },
  outliers: [],
  thumbnails: null,
  stages: [],
};

export const modelInfo = {
  model: { name: "MobileNetV2", weights: "imagenet", sha256: "a".repeat(64) },
  variance_by_component: [0.5, 0.25],
  cumulative_variance: [0.5, 0.75],
};

export const summary = {
  images: 60,
  errors: 1,
  reasons: { "not an image": 1 },
  examples: { "not an image": ["Training/Apple/1.jpg"] },
  computed: 13,
  reused: 47,
  changed: 0,
  dimensions: 1280,
  checks: [],
};

export const checks = [{ name: "row_count", ok: true, detail: "59 rows" }];
