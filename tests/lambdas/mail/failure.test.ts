import { execa } from "execa";
import { expect, test } from "vitest";
import { partialStateSchema } from "../../../lambdas/contract/state-data.ts";
import { failureMail } from "../../../lambdas/mail/failure.ts";
import { aPlan } from "../fixtures.ts";
import { cost, execution, failed, input, state, validation } from "./states.ts";

test("names the failed state and the cause in its first line, and says what to do", () => {
  const { subject, message } = failureMail(failed(), execution);

  expect(subject).toBe("Orchard: run-1 FAILED in ExtractFeatures: States.TaskFailed");
  expect(message.split("\n")[0]).toBe("ExtractFeatures failed: 7 images of 10 are bad");
  for (const part of [
    "Run:       run-1 (mini)",
    "State:     ExtractFeatures",
    "j-1, terminated",
    "Log:       s3://data/logs/emr/j-1/steps/s-1/stderr.gz",
    "Do this:   Look at the errors",
    "See:       docs/troubleshooting.md#job-fails",
    "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:",
    "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-1",
    "aws stepfunctions start-execution --state-machine-arn ",
  ]) {
    expect(message).toContain(part);
  }
});

test("has a command to start again that a shell passes on unchanged", async () => {
  const { message } = failureMail(failed(), execution);
  const command = message.split("\n").find((line) => line.includes("start-execution")) ?? "";

  const { stdout } = await execa("bash", ["-c", `aws() { printf '%s\\n' "$@"; }; ${command}`]);

  expect(stdout.split("\n")).toEqual([
    "stepfunctions",
    "start-execution",
    "--state-machine-arn",
    "arn:aws:states:eu-west-1:111122223333:stateMachine:Orchard",
    "--input",
    JSON.stringify(input),
  ]);
});

test("has the quoted cost of the whole run, but no comparison with it", () => {
  const { message } = failureMail(failed({ diagnosis: { cause: "x", cost } }), execution);

  expect(message).toContain("Cost:      0.06 USD for 12.0 minutes of the cluster, without tax");
  expect(message).toContain("Quoted:    0.08 USD for 16.2 minutes\n");
});

test("cuts a very long cause, and still has the command to start again", () => {
  const { message } = failureMail(failed({ diagnosis: { cause: "x".repeat(5_000) } }), execution);

  expect(message.split("\n")[0]?.length).toBeLessThan(1_100);
  expect(message).toContain("start-execution");
});

test("has the first error's cause if there is no diagnosis", () => {
  const { message } = failureMail(
    partialStateSchema.parse({ error: { Error: "E", Cause: "the first cause" } }),
    execution,
  );

  expect(message.split("\n")[0]).toBe("an unknown state failed: the first cause");
});

test("warns of seeded weights", () => {
  const plan = aPlan("data");
  const seeded = state({
    validation,
    plan: { ...plan, model: { ...plan.model, weights: "seeded" } },
    error: { Error: "E", Cause: "" },
  });

  expect(failureMail(seeded, execution).message).toContain("SEEDED RANDOM WEIGHTS");
});

// The run's cluster

const noTeardown = { clusterIds: [], states: {} };

test("warns first of a cluster that may still run, with the command that terminates it", () => {
  const teardownError = { Error: "ClusterStillTerminating", Cause: "" };
  const { subject, message } = failureMail(failed({ teardownError }), execution);

  expect(subject).toMatch(/^Orchard: CLUSTER MAY BE RUNNING, run-1 FAILED/);
  expect(message).toMatch(/MAY STILL BE RUNNING AND COST MONEY \(j-1\)/);
  expect(message).toContain("aws emr terminate-clusters --cluster-ids j-1");
  expect(message).toContain("docs/troubleshooting.md#a-cluster-is-left");
  expect(message).not.toContain("j-1, terminated");
});

test("says that there was no cluster if the run failed before", () => {
  const { message } = failureMail(
    partialStateSchema.parse({
      input,
      error: { Error: "InvalidInput", Cause: "x" },
      teardown: noTeardown,
      diagnosis: { cause: "label: there is none", state: "Preflight" },
    }),
    execution,
  );

  expect(message).toContain("Cluster:   none was created");
});

test.each([
  ["TERMINATED_WITH_ERRORS", "terminated"],
  ["TERMINATING", "being terminated"],
])("names a cluster that only the diagnosis found %s", (clusterState, end) => {
  // A failed CreateCluster leaves no id in the state data.
  const diagnosis = { cause: "x", cluster: { id: "j-2", state: clusterState } };
  const { subject, message } = failureMail(failed({ cluster: undefined, teardown: noTeardown, diagnosis }), execution);

  expect(message).toContain(`Cluster:   j-2, ${end}\n`);
  expect(message).toContain("https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-2");
  expect(subject).not.toContain("MAY BE RUNNING");
});

test("warns of a cluster that the teardown missed and the diagnosis saw alive", () => {
  const diagnosis = { cause: "x", cluster: { id: "j-2", state: "RUNNING" } };
  const { subject, message } = failureMail(failed({ cluster: undefined, teardown: noTeardown, diagnosis }), execution);

  expect(subject).toMatch(/^Orchard: CLUSTER MAY BE RUNNING, run-1 FAILED/);
  expect(message).toContain("MAY STILL BE RUNNING AND COST MONEY (j-2); the teardown did not find it");
  expect(message).toContain("aws emr terminate-clusters --cluster-ids j-2");
});

test("says that no cluster is left if no id is known", () => {
  const { message } = failureMail(failed({ cluster: undefined, teardown: noTeardown }), execution);

  expect(message).toContain("Cluster:   none is left");
});
