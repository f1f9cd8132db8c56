import { expect, it } from "vitest";
import { closedKey } from "../../lambdas/contract/s3-layout.ts";
import { isDeep } from "../deep.ts";
import { isGone } from "./account/cluster.ts";
import { deploy } from "./account/deployed.ts";
import type { Simulation } from "./account/simulation.ts";
import { violationsOf } from "./invariants/all-invariants.ts";
import { everyRun, hasDone } from "./invariants/runs.ts";
import { eventNumber, withoutFaults } from "./scenarios/base-scenarios.ts";
import { buildScenario, cancelFails, fault } from "./scenarios/build-scenario.ts";
import { failuresOf, persistently } from "./scenarios/failures.ts";
import { play, playOnce } from "./scenarios/play.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const deployed = deploy();
const sampleEvery = isDeep ? 1 : 20;
const timeoutMs = 600_000;

/** Reports a change of resources under a running execution or cluster, a cluster that nobody ends, and a closed deployment. */
function violationsOfDeploy(simulation: Simulation): readonly string[] {
  const { createdClusters, deployment, s3, scenario, updates } = simulation;
  const usingRuns = everyRun(simulation).filter((run) => hasDone(run, "Preflight"));
  const isSafe = scenario.deployment?.isHarmless;
  const affected = isSafe
    ? []
    : updates.flatMap(({ clusters, executions }) => [
        ...clusters.map(({ Id }) => Id),
        ...usingRuns.filter(({ execution }) => executions.includes(execution)).map(({ name }) => name),
      ]);
  // A bucket that does not exist needs no opening.
  const isWithoutBucket = scenario.faults.some(({ failure }) => failure.name === "NoSuchBucket");
  const saysClosed = deployment?.message?.includes("The deployment could not be opened");
  const problems = [
    ...affected.map((one) => `${one} was affected`),
    ...createdClusters.filter((one) => !isGone(one)).map(({ Id }) => `${Id} is alive`),
    ...(deployment === undefined ? ["deploy has not ended"] : []),
    ...(s3.objects.has(closedKey) && !isWithoutBucket && !saysClosed ? ["the deployment is closed"] : []),
  ];
  return problems.map((one) => `${one}; ${JSON.stringify(scenario.deployment)} ${deployment?.message ?? "success"}`);
}

async function playAll(scenarios: readonly Scenario[]): Promise<readonly Simulation[]> {
  const played: Simulation[] = [];
  for (const [index, scenario] of scenarios.entries())
    if (index % sampleEvery === 0) played.push(await play(deployed, scenario));
  return played;
}

/** Returns for each event of an execution its number, and its time since the execution's start. */
async function everyEvent(): Promise<readonly { readonly event: number; readonly afterMs: number }[]> {
  const [execution] = (await playOnce(deployed, withoutFaults)).executions;
  const history = execution?.history ?? [];
  return history.map(({ at }, index) => ({ event: index + 1, afterMs: at - (execution?.startedAt ?? 0) }));
}

it(
  "makes harmless changes without any effect on an execution, whichever event of it deploy starts at",
  async () => {
    const scenarios = (await everyEvent()).map(({ event }) =>
      buildScenario([], undefined, { deployment: { event, isHarmless: true, mayStop: event % 2 === 0 } }),
    );

    const played = await playAll(scenarios);

    expect(played.flatMap((one) => [...violationsOf(one), ...violationsOfDeploy(one)])).toEqual([]);
    for (const { deployment, executions, updates } of played) {
      expect([deployment?.message, updates.length]).toEqual([undefined, 1]);
      expect(executions.map(({ status }) => status)).toEqual(["SUCCEEDED"]);
    }
  },
  timeoutMs,
);

it(
  "refuses a change that affects an active execution or cluster, and leaves both alone",
  async () => {
    const scenarios = (await everyEvent()).map(({ event }) =>
      buildScenario([], undefined, { deployment: { event, isHarmless: false, mayStop: false } }),
    );

    // From this event on, the execution ends before deploy lists the executions. Clusters of others are still alive then.
    const reported = await eventNumber(deployed, "TaskSucceeded", "WriteReport");

    const played = await playAll(scenarios);

    expect(played.flatMap((one) => [...violationsOf(one), ...violationsOfDeploy(one)])).toEqual([]);
    for (const { deployment, executions, scenario, updates } of played) {
      const isRunning = (scenario.deployment?.event ?? 0) < reported;
      const blocker = isRunning ? "execution run-1 is RUNNING" : "cluster \\S+ \\(orchard-busy\\) is WAITING";
      expect(deployment?.message).toMatch(new RegExp(`${blocker}.*changes Nodes`, "s"));
      expect(updates).toEqual([]);
      expect(executions.map(({ status }) => status)).toEqual(["SUCCEEDED"]);
    }
  },
  timeoutMs,
);

it(
  "stops everything that a change affects, also executions that start meanwhile",
  async () => {
    const scenarios = (await everyEvent()).flatMap(({ event, afterMs }) => {
      const starts = [0, ...[1, 120, 240].map((seconds) => afterMs + seconds * 1_000)];
      const deployment = { event, isHarmless: false, mayStop: true };
      return [
        buildScenario([], undefined, { deployment, starts }),
        buildScenario(cancelFails, undefined, { deployment, starts }),
      ];
    });

    const played = await playAll(scenarios);

    expect(played.flatMap(violationsOfDeploy)).toEqual([]);
    expect(played.map(({ deployment, updates }) => [deployment?.message, updates.length])).toEqual(
      played.map(() => [undefined, 1]),
    );
  },
  timeoutMs,
);

it(
  "affects no execution and leaves no cluster when its calls fail",
  async () => {
    const event = await eventNumber(deployed, "TaskSubmitted", "Inventory");
    const deployment = { event, isHarmless: false, mayStop: true };
    const { calls } = await play(deployed, buildScenario([], undefined, { deployment }));
    const own = [...calls].flatMap((call) => (call.startsWith("deploy ") ? call.replace("deploy ", "") : []));
    // The CDK updates the stack and limits its waiting, so UpdateStack is always answered.
    const failures = own.flatMap((operation) =>
      failuresOf(operation)
        .filter(({ when }) => when !== "silent" || operation !== "cloudformation:UpdateStack")
        .flatMap((failure) => [1, persistently].map((times) => fault("deploy", operation, failure, times))),
    );
    const scenarios = failures.map((one) => buildScenario([one, ...cancelFails], undefined, { deployment }));

    const played = await playAll(scenarios);

    expect(own).toEqual(
      expect.arrayContaining(["states:StopExecution", "emr:TerminateJobFlows", "cloudformation:UpdateStack"]),
    );
    expect(played.flatMap(violationsOfDeploy)).toEqual([]);
  },
  timeoutMs,
);
