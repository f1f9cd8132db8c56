import { type PartialState, partialStateSchema } from "../../../lambdas/contract/state-data.ts";
import { anExecution, aPlan, aValidation } from "../fixtures.ts";

/** On the embedded account. */
export const embeddedExecution = { ...anExecution(), startTime: "2026-01-01T00:00:00Z" };
export const execution = { ...embeddedExecution, id: embeddedExecution.id.replace("000000000000", "111122223333") };
export const halfAnHourLater = new Date("2026-01-01T00:30:00Z");
export const input = { mode: "mini", input: "s3://data/l'été/" };

export const validation = aValidation({
  variance: 0.85,
  warnings: ["50 components keep 85.0 % of the variance, less than 90 %"],
});

export const cost = {
  quotedUsd: 0.08,
  actualUsd: 0.06,
  forecastErrorPercent: -25,
  minutes: { quoted: 16.2, actual: 12 },
  isFinal: true,
  isAlive: false,
  arithmetic: "",
};

/** State data of a planned run with these other members. */
export function state(members: object): PartialState {
  return partialStateSchema.parse({ input, plan: aPlan("data"), ...members });
}

/** State data of a run with a cluster and valid results. */
export const succeeded = state({ scripts: {}, cluster: { id: "j-1" }, validation, cost });

/** State data of a run whose step failed and whose cluster is terminated. */
export function failed(members: object = {}): PartialState {
  return state({
    scripts: {},
    cluster: { id: "j-1" },
    error: { Error: "States.TaskFailed", Cause: "{}" },
    teardown: { clusterIds: ["j-1"], states: { "j-1": "TERMINATED" } },
    diagnosis: {
      cause: "7 images of 10 are bad",
      state: "ExtractFeatures",
      log: "s3://data/logs/emr/j-1/steps/s-1/stderr.gz",
      excerpt: ["orchard: error: 7 images of 10 are bad"],
      section: "job-fails",
      remedy: "Look at the errors",
    },
    ...members,
  });
}
