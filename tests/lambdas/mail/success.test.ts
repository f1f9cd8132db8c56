import { expect, test } from "vitest";
import { seededWarning } from "../../../lambdas/contract/seeded-weights.ts";
import { successMail } from "../../../lambdas/mail/success.ts";
import { aPlan } from "../fixtures.ts";
import { cost, embeddedExecution, execution, halfAnHourLater, state, succeeded, validation } from "./states.ts";

function messageOf(members: object): string {
  return successMail(state(members), execution, halfAnHourLater).message;
}

test("has the results, the cost and the links", () => {
  const { subject, message } = successMail(succeeded, execution, halfAnHourLater);

  expect(subject).toBe("Orchard: run-1 succeeded: 59 images, 85.0 % variance kept");
  for (const part of [
    "59 of 3 labels",
    "1 (1.67 %), see s3://data/runs/run-1/errors/",
    "13 computed, 47 reused",
    "85.00 % kept by 50 components",
    "30.0 minutes",
    "Cost:      0.06 USD for 12.0 minutes of the cluster, without tax",
    "Quoted:    0.08 USD for 16.2 minutes; it was 25 % cheaper",
    "Results:   s3://data/runs/run-1/",
    "- 50 components keep 85.0 % of the variance, less than 90 %",
    "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:",
    "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-1",
  ]) {
    expect(message).toContain(part);
  }
});

test("counts one label and one component in the singular", () => {
  const message = messageOf({ validation: { ...validation, labels: 1, components: 1 } });

  expect(message).toMatch(/59 of 1 label$/m);
  expect(message).toMatch(/kept by 1 component$/m);
});

test("names the splits that were used and those that were not, and the files that were left out", () => {
  const plan = aPlan("data", {
    usedSplits: ["train", "odd\nname"],
    unusedSplits: ["val"],
    warnings: ['Left out: 1 file, deeper than a label folder: "train/a/b/c.jpg"'],
  });

  const message = messageOf({ plan, validation });

  expect(message).toContain('Splits:    train, "odd\\nname" (not used: val)\n');
  expect(message).toContain('\n- Left out: 1 file, deeper than a label folder: "train/a/b/c.jpg"\n');
  expect(messageOf({ plan: aPlan("data", { usedSplits: [] }), validation })).not.toContain("Splits:");
});

test("has the quote alone if the cost is unknown", () => {
  expect(messageOf({ cluster: { id: "j-1" }, validation })).toContain(
    "Cost:      not known; quoted before the run: 0.08 USD",
  );
});

test("has the cost so far if the cluster is still alive", () => {
  const message = messageOf({ cluster: { id: "j-1" }, validation, cost: { ...cost, isFinal: false } });

  expect(message).toContain("0.06 USD so far");
});

test("says that a run was more expensive than quoted", () => {
  const message = messageOf({ cluster: { id: "j-1" }, validation, cost: { ...cost, forecastErrorPercent: 12.4 } });

  expect(message).toContain("it was 12 % more expensive");
});

test("has the earlier run's results if there was nothing to do", () => {
  const reuse = { run: "s3://data/runs/run-0/", validation: { ...validation, results: "s3://data/runs/run-0/" } };
  const { subject, message } = successMail(state({ plan: aPlan("data", { reuse }) }), execution, halfAnHourLater);

  expect(subject).toBe("Orchard: run-1 succeeded: nothing new, 59 images, 85.0 % variance kept");
  for (const part of [
    "no cluster was created",
    "59 of 3 labels",
    "Results:   s3://data/runs/run-0/",
    "Cost:      0.00 USD, no cluster",
  ]) {
    expect(message).toContain(part);
  }
  expect(message).not.toContain("terminated");
});

test("names the precision of the features unless it is float32", () => {
  expect(messageOf({ plan: aPlan("data", { precision: "bf16" }), validation })).toMatch(/^Precision: bf16$/m);
  expect(messageOf({ plan: aPlan("data"), validation })).not.toContain("Precision");
});

test("refers to the errors of the run that computed the features", () => {
  const plan = aPlan("data", { features: "s3://data/runs/run-0/features/parquet" });

  expect(messageOf({ plan, validation })).toContain("see s3://data/runs/run-0/errors/");
});

test("says on the embedded account what AWS would have cost, and has no link to AWS's console", () => {
  const { message } = successMail(succeeded, embeddedExecution, halfAnHourLater);

  expect(message).toMatch(/^On AWS: {4}\d+\.\d\d USD for \d+\.\d minutes, as quoted$/m);
  expect(message).toContain("Look at it: orchard show run-1 --local");
  expect(message).not.toMatch(/cheaper|Cost:|console\.aws/);
});

test("warns of seeded weights in the subject, and once in the message", () => {
  const plan = aPlan("data", { warnings: [seededWarning] });
  const seeded = state({
    validation: { ...validation, warnings: [...validation.warnings, seededWarning] },
    plan: { ...plan, model: { ...plan.model, weights: "seeded" } },
  });

  const { subject, message } = successMail(seeded, execution, halfAnHourLater);

  expect(subject).toContain("(SEEDED WEIGHTS)");
  expect(message.split("SEEDED RANDOM WEIGHTS")).toHaveLength(2);
});
