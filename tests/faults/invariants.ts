import { type Cluster, Emr } from "./emr.ts";
import type { Execution } from "./execution.ts";
import { type Fault, persistently } from "./failures.ts";
import { ownerOf, type Touch, type World } from "./world.ts";

/** What ended a cluster: 0 itself or a person, 1 the state machine, 2 the status event, 3 the sweeper, 4 its idleness. */
export type Layer = 0 | 1 | 2 | 3 | 4;

const layerNames: Readonly<Record<string, Layer>> = { "layer 2": 2, "layer 3": 3 };

export const layerOf = (world: World, cluster: Cluster): Layer => {
  const touch = world.touches.find((one) => one.cluster === cluster && one.ended);
  if (touch !== undefined) return layerNames[touch.by.state] ?? 1;
  return cluster.Status.StateChangeReason.Message?.includes("idle") ? 4 : 0;
};

/** The latest layer that had to act, of all clusters. */
export const latestLayer = (world: World): Layer =>
  world.created.map((cluster) => layerOf(world, cluster)).reduce<Layer>((a, b) => (a > b ? a : b), 0);

const cleanUp = "TerminateClusterAfterFailure";
const happened = (execution: Execution, type: string, state: string): boolean =>
  execution.history.some((event) => event.type === type && event.state === state);

/** It came to its own end: nobody stopped it, and no error passed its Catches. */
const endedByItself = (execution: Execution): boolean =>
  happened(execution, "StateEntered", "Succeeded") || happened(execution, "StateEntered", "Failed");

/** The failure with which the clean-up began, under the name that Catch saw. */
export const firstFailure = (execution: Execution): { readonly error: string; readonly cause: string } | undefined => {
  const { history } = execution;
  const end = history.findIndex(({ type, state }) => type === "StateEntered" && state === cleanUp);
  const failure = history.slice(0, Math.max(0, end)).findLast(({ type }) => /^Task(Failed|TimedOut)$/.test(type));
  return failure && { error: failure.error ?? "States.Timeout", cause: failure.cause ?? "" };
};

/** Idleness may end a cluster while Step Functions still waits for an answer that never comes. */
const endedBeforeFailure = ({ Status: status }: Cluster, { history }: Execution): boolean => {
  const caught = history.find(({ type, state }) => type === "StateEntered" && state === cleanUp);
  return caught !== undefined && 1000 * (status.Timeline.EndDateTime ?? Number.POSITIVE_INFINITY) < caught.at;
};

const allClustersEnd = (world: World): string[] => {
  const violations = world.created
    .filter((cluster) => !Emr.isGone(cluster) && !world.scenario.faults.some(({ failure }) => failure.name === "NEVER"))
    .map((cluster) => `${cluster.Id} is ${cluster.Status.State}`);
  const isTeardownBroken = world.scenario.faults.some(
    ({ state, times }) => [cleanUp, "*"].includes(state) && times === persistently,
  );
  for (const execution of world.executions.filter(endedByItself)) {
    for (const cluster of world.created.filter((one) => ownerOf(one) === execution.arn)) {
      const layer = layerOf(world, cluster);
      if (layer <= 1 || isTeardownBroken || endedBeforeFailure(cluster, execution)) continue;
      violations.push(`${cluster.Id} was ended by layer ${layer} only`);
    }
  }
  return violations;
};

const isOwnOrEnded = (world: World, { by, owner, ownerStatus }: Touch): boolean => {
  if (owner === undefined) return false;
  const caller = world.executions.find(({ name }) => name === by.execution);
  if (!(by.state in layerNames)) return caller?.arn === owner;
  return ownerStatus !== undefined && ownerStatus !== "RUNNING";
};

const onlyOwnClusters = (world: World): string[] =>
  world.touches
    .filter((touch) => !isOwnOrEnded(world, touch))
    .map(
      ({ by, operation, cluster, owner, ownerStatus }) =>
        `${by.state} called ${operation} for ${cluster.Name} of ${owner ?? "nobody"}, which is ${ownerStatus ?? "unknown"}`,
    );

/** The notification itself is what fails: then nobody can promise that there is one, or only one. */
const isNotificationHit = ({ faults }: World["scenario"], { name }: Execution): boolean =>
  faults.some(
    ({ state, execution = name }) => execution === name && ["NotifySuccess", "NotifyFailure", "*"].includes(state),
  );

/** A failure of the notification that a retry mends. */
const isMended = ({ state, failure, times }: Fault): boolean =>
  state.startsWith("Notify") &&
  times === 1 &&
  failure.when === "before" &&
  (failure.error === undefined || failure.error.status === 0 || failure.error.status >= 429) &&
  !["States.DataLimitExceeded", "States.Runtime"].includes(failure.name);

const oneNotification = (world: World): string[] =>
  world.executions.filter(endedByItself).flatMap((execution) => {
    const mails = world.mails.filter(({ by }) => by.execution === execution.name);
    const isHit = isNotificationHit(world.scenario, execution) && !world.scenario.faults.some(isMended);
    if (mails.length === 1 || isHit) return [];
    return [`${execution.name} ended with ${mails.length} notifications`];
  });

const squeeze = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

const firstCauseStands = (world: World): string[] =>
  world.executions.filter(endedByItself).flatMap((execution) => {
    const { outcome, name } = execution;
    const first = firstFailure(execution);
    if (first === undefined) return outcome.status === "SUCCEEDED" ? [] : [`${name} failed without a failure`];
    if (outcome.status !== "FAILED") return [`${name} is ${outcome.status} although ${first.error} was caught`];
    if (outcome.error !== first.error) return [`${name} ended with ${outcome.error}, not with ${first.error}`];
    const told = squeeze(outcome.cause ?? "");
    const thrown = /"errorMessage":"((?:[^"\\]|\\.)*)"/.exec(first.cause)?.[1];
    const expected = squeeze(JSON.parse(`"${thrown ?? ""}"`)).slice(0, 30);
    return told === "" || !told.includes(expected) ? [`${name} tells ${told || "nothing"}, not ${expected}`] : [];
  });

const successIsTrue = (world: World): string[] =>
  world.executions
    .filter(({ status }) => status === "SUCCEEDED")
    .flatMap((execution) => {
      const { name, arn, endedAt } = execution;
      const plan = world.s3.json(`runs/${name}/plan.json`) as { steps: { any: boolean } } | undefined;
      const isReused = plan !== undefined && !plan.steps.any;
      const isValid = world.s3.objects.has(`runs/${name}/manifest.json`) && !world.invalidRuns.has(name);
      const alive = world.created.filter(
        (cluster) =>
          (ownerOf(cluster) === arn || cluster.Name === `orchard-${name}`) &&
          !(Emr.isGone(cluster) && 1000 * (cluster.Status.Timeline.EndDateTime ?? 0) <= endedAt),
      );
      return [
        ...(isReused || (isValid && happened(execution, "TaskSucceeded", "ValidateResults"))
          ? []
          : [`${name} is not valid`]),
        ...alive.map(({ Id }) => `${name} succeeded before ${Id} was gone`),
      ];
    });

const latestIsValid = (world: World): string[] => world.wrongLatest.map((run) => `latest pointed at ${run}`);

/** What holds after every scenario. Each answers how it is broken. */
export const invariants: Readonly<Record<string, (world: World) => string[]>> = {
  "1 every cluster is ended, by the first layer when a Catch sees the failure": allClustersEnd,
  "2 no cluster is touched but one's own, or that of an execution known to have ended": onlyOwnClusters,
  "3 there is exactly one closing notification": oneNotification,
  "4 the execution ends with its first failure": firstCauseStands,
  "5 a success is reported only when results are valid and the cluster is gone": successIsTrue,
  "6 the results of an invalid run never become latest": latestIsValid,
};

/** Every broken invariant of a scenario, with the scenario's name. */
export const violationsOf = (world: World): readonly string[] =>
  Object.entries(invariants).flatMap(([name, holds]) =>
    holds(world).map((violation) => `${name}: ${violation} [${world.scenario.name}]`),
  );
