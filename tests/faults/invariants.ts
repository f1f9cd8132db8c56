import { type Cluster, Emr } from "./emr.ts";
import type { Execution } from "./execution.ts";
import { type Failure, type Fault, persistently } from "./failures.ts";
import { deadlineOf, isKept, keptAsPromised } from "./kept.ts";
import { type Mail, ownerOf, type Touch, type World } from "./world.ts";

/** What ended a cluster: 0 itself or a person, 1 the state machine, 2 the status event, 3 the sweeper, 4 its idleness. */
export type Layer = 0 | 1 | 2 | 3 | 4;

const layers: Readonly<Record<string, Layer>> = { "layer 2": 2, "layer 3": 3 };
const cleanUp = "TerminateClusterAfterFailure";
const hourMs = 3_600_000;
/** The stack's MAX_CLUSTER_HOURS. */
const maxClusterHours = 24;

export const layerOf = (world: World, cluster: Cluster): Layer => {
  const touch = world.touches.find((one) => one.cluster === cluster && one.ended);
  if (touch !== undefined) return layers[touch.by.state] ?? 1;
  return cluster.Status.StateChangeReason.Message?.includes("idle") ? 4 : 0;
};

/** The latest layer that had to act, of all clusters. */
export const latestLayer = (world: World): Layer =>
  world.created.map((cluster) => layerOf(world, cluster)).reduce<Layer>((a, b) => (a > b ? a : b), 0);

const isHit = ({ scenario }: World, { name }: Execution, which: (fault: Fault) => boolean): boolean =>
  scenario.faults.some((fault) => (fault.execution ?? name) === name && which(fault));

/** No Catch could run to its end: it was stopped, or met an error that States.ALL does not catch. */
const wasCutOff = (world: World, execution: Execution): boolean =>
  ["ABORTED", "TIMED_OUT"].includes(execution.status)
    ? (world.scenario.stops ?? []).some((stop) => stop.execution === execution.name)
    : isHit(
        world,
        execution,
        ({ failure }) => isUncatchable(failure) && failure.error?.code === execution.outcome.error,
      );

/** It gave way to another: nothing was done, and there is nothing to tell. */
const wasSkipped = ({ history }: Execution): boolean =>
  history.some(({ type, state }) => type === "StateEntered" && state === "Skipped");

const isUncatchable = ({ error }: Failure): boolean =>
  ["States.DataLimitExceeded", "States.Runtime"].includes(error?.code ?? "");

const endedByItself = (world: World): readonly Execution[] =>
  world.executions.filter((execution) => !wasCutOff(world, execution));

/** The failure with which the clean-up began, under the name that Catch saw, and when that was. */
const firstFailure = ({ history }: Execution) => {
  const end = history.findIndex(({ type, state }) => type === "StateEntered" && state === cleanUp);
  const found = history.slice(0, Math.max(0, end)).findLast(({ type }) => /^Task(Failed|TimedOut)$/.test(type));
  return found && { at: found.at, error: found.error ?? "States.Timeout", cause: found.cause ?? "" };
};

/** The latest layer that may have to act for a cluster. */
const latestAllowed = (world: World, execution: Execution, cluster: Cluster): Layer => {
  const { Status: status } = cluster;
  const isFor = (...states: readonly string[]) =>
    isHit(world, execution, ({ state, times }) => states.includes(state) && times === persistently);
  const createdAt = 1000 * status.Timeline.CreationDateTime;
  const endedAt = 1000 * (status.Timeline.EndDateTime ?? Number.POSITIVE_INFINITY);
  // Idleness ends a cluster while Step Functions still waits for an answer that never comes.
  if (endedAt < Math.min(execution.endedAt, firstFailure(execution)?.at ?? Number.POSITIVE_INFINITY)) return 4;
  if (isKept(world, cluster)) return 4;
  if (!wasCutOff(world, execution)) return isFor(cleanUp) ? 4 : 1;
  const isHeard = (world.scenario.deliveries ?? []).every((delays) => delays.some((delay) => delay < 60_000));
  const isInFlight = createdAt > execution.endedAt;
  const isSecondWell = !world.scenario.faults.some(({ state }) => state === "layer 2");
  return isHeard && !isInFlight && isSecondWell ? 2 : 4;
};

const everyClusterEnds = (world: World): string[] =>
  world.created.flatMap((cluster) => {
    const execution = world.executions.find(({ arn }) => arn === ownerOf(cluster));
    if (execution === undefined) return [`${cluster.Id} has no execution's tag`];
    const isStuck =
      cluster.Status.State === "TERMINATING" && isHit(world, execution, (f) => f.failure.name === "NEVER");
    if (!Emr.isGone(cluster) && !isStuck) return [`${cluster.Id} is ${cluster.Status.State}`];
    const layer = layerOf(world, cluster);
    const allowed = latestAllowed(world, execution, cluster);
    return layer > allowed ? [`${cluster.Id} was ended by layer ${layer}, not by ${allowed}`] : [];
  });

const isRightful = (world: World, { by, owner, ownerStatus, toldStatus, cluster, at }: Touch): boolean => {
  if (owner === undefined) return false;
  if (!(by.state in layers)) return world.executions.find(({ name }) => name === by.execution)?.arn === owner;
  if (!owner.startsWith(world.deployed.stateMachineArn.replace(":stateMachine:", ":execution:"))) return false;
  if (at - 1000 * cluster.Status.Timeline.CreationDateTime > maxClusterHours * hourMs) return true;
  // Only a success keeps a cluster.
  if ((deadlineOf(cluster) ?? 0) > at && (toldStatus === undefined || toldStatus === "SUCCEEDED")) return false;
  return ownerStatus !== "RUNNING" && toldStatus !== undefined && toldStatus !== "RUNNING";
};

const onlyOwnClusters = (world: World): string[] =>
  world.touches
    .filter((touch) => !isRightful(world, touch))
    .map(({ by, operation, cluster, owner = "nobody", ownerStatus = "unknown", toldStatus = "nothing" }) => {
      const told = `which is ${ownerStatus}; it was told ${toldStatus}`;
      return `${by.state} called ${operation} for ${cluster.Name} of ${owner}, ${told}`;
    });

/** A failure of the notification that is over when it is tried again, and that was no notification. */
const isMended = ({ failure, times }: Fault): boolean =>
  times === 1 && failure.when === "before" && !isUncatchable(failure);

const oneTrueNotification = (world: World): string[] =>
  endedByItself(world).flatMap((execution) => {
    const mails = world.mails.filter(({ by }) => by.execution === execution.name);
    const isAlarm = ({ subject }: Mail) => subject.includes("MAY BE RUNNING");
    const isSaid = (mail: Mail) => isAlarm(mail) || mail.message.includes("IS KEPT AND COSTS MONEY");
    const lies = mails.filter((mail) => mail.alive.length > 0 && !isSaid(mail));
    const isEndingHit = ({ state, operation }: Fault) =>
      [cleanUp, "ConfirmTerminated"].includes(state) || /^(shutdown|protection):/.test(operation);
    const falseAlarms = mails.filter((mail) => isAlarm(mail) && !isHit(world, execution, isEndingHit));
    const isNotifying = ({ state }: Fault) => state.startsWith("Notify");
    const isUnsure = isHit(world, execution, (fault) => isNotifying(fault) && !isMended(fault));
    return [
      ...(mails.length === (wasSkipped(execution) ? 0 : 1) || isUnsure
        ? []
        : [`${execution.name} ended with ${mails.length} notifications`]),
      ...lies.map(({ subject, alive }) => `"${subject}" does not say that ${alive.join(", ")} may be running`),
      ...falseAlarms.map(({ subject }) => `"${subject}" although nothing kept the cluster from ending`),
    ];
  });

const squeeze = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

const firstFailureStands = (world: World): string[] =>
  endedByItself(world).flatMap((execution) => {
    const { outcome, name } = execution;
    const first = firstFailure(execution);
    if (first === undefined)
      return outcome.status === "SUCCEEDED" ? [] : [`${name} is ${outcome.status} without cause`];
    if (outcome.status !== "FAILED" || outcome.error !== first.error)
      return [`${name} ended with ${outcome.status} ${outcome.error}, not with ${first.error}`];
    const told = squeeze(outcome.cause ?? "");
    const thrown = /"errorMessage":"((?:[^"\\]|\\.)*)"/.exec(first.cause)?.[1];
    const [line = ""] = String(JSON.parse(`"${thrown ?? ""}"`)).split("\n");
    const expected = squeeze(line).slice(0, 30);
    return told === "" || !told.includes(expected) ? [`${name} tells ${told || "nothing"}, not ${expected}`] : [];
  });

const successIsTrue = (world: World): string[] => {
  const { faults, stops = [] } = world.scenario;
  return world.executions.flatMap((execution) => {
    const { name, arn, endedAt, status, history } = execution;
    if (status !== "SUCCEEDED")
      return faults.length + stops.length === 0 ? [`${name} is ${status} without a fault`] : [];
    const plan = world.s3.json(`runs/${name}/plan.json`) as { steps: { any: boolean } } | undefined;
    const isReused = plan !== undefined && !plan.steps.any;
    const isJudged = history.some(({ type, state }) => type === "TaskSucceeded" && state === "ValidateResults");
    const isValid = isJudged && world.s3.objects.has(`runs/${name}/manifest.json`) && !world.invalidRuns.has(name);
    const isGoneBefore = ({ Status: { Timeline: timeline } }: Cluster) =>
      1000 * (timeline.EndDateTime ?? Number.POSITIVE_INFINITY) <= endedAt;
    const alive = world.created
      .filter((one) => [ownerOf(one), one.Name].some((n) => n === arn || n === `orchard-${name}`))
      .filter((one) => !isKept(world, one));
    const isRightlySkipped =
      wasSkipped(execution) &&
      alive.length === 0 &&
      world.executions.some((one) => one.startedAt < execution.startedAt && one.endedAt > execution.startedAt);
    return [
      ...(isReused || isValid || isRightlySkipped ? [] : [`${name} is not valid`]),
      ...alive.filter((one) => !isGoneBefore(one)).map(({ Id }) => `${name} succeeded before ${Id} was gone`),
    ];
  });
};

const latestIsValid = (world: World): string[] => world.wrongLatest.map((run) => `latest pointed at ${run}`);

/** What holds after every scenario. Each answers how it is broken. */
export const invariants: Readonly<Record<string, (world: World) => string[]>> = {
  "1 every cluster ends, and by the first layer when a Catch can see the failure": everyClusterEnds,
  "2 no cluster is touched but one's own, or one whose execution is known to be over": onlyOwnClusters,
  "3 there is exactly one closing notification, and it is true about the cluster": oneTrueNotification,
  "4 the execution ends with its first failure": firstFailureStands,
  "5 success is reported only for valid results and when the cluster is gone": successIsTrue,
  "6 the results of an invalid run never become latest": latestIsValid,
  "7 a kept cluster goes on until its deadline, and a run that failed on it leaves no step there": keptAsPromised,
};

/** Every broken invariant of a scenario, with the scenario's name. */
export const violationsOf = (world: World): readonly string[] =>
  Object.entries(invariants).flatMap(([name, holds]) =>
    holds(world).map((violation) => `${name}: ${violation} [${world.scenario.name}]`),
  );
