import { type Cluster, Emr, type Step } from "./emr.ts";
import type { Execution, HistoryEvent, Run } from "./execution.ts";
import { type Failure, type Fault, persistently } from "./failures.ts";
import { borrowedBy, deadlineOf, isKept, keptAsPromised, sweepMs } from "./kept.ts";
import { type Delivery, type Mail, ownerOf, type Touch, type World } from "./world.ts";

/** What ended a cluster: 0 itself or a person, 1 the state machine, 2 the status event, 3 the sweeper, 4 its idleness. */
export type Layer = 0 | 1 | 2 | 3 | 4;

const layers: Readonly<Record<string, Layer>> = { "layer 2": 2, "layer 3": 3 };
const cleanUp = "TerminateClusterAfterFailure";
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** From an event's arrival to the end of what is done about it: an invocation, and two more after 1 and 2 minutes. */
const timeForLayer2Ms = 15 * minuteMs;
/** The stack's MAX_CLUSTER_HOURS. */
const maxClusterHours = 24;

export function layerOf(world: World, cluster: Cluster): Layer {
  const touch = world.touches.find((one) => one.cluster === cluster && one.ended);
  if (touch !== undefined) return layers[touch.by.state] ?? 1;
  return cluster.Status.StateChangeReason.Message?.includes("idle") ? 4 : 0;
}

/** The latest layer that had to act, of all clusters. */
export function latestLayer(world: World): Layer {
  return world.created.map((cluster) => layerOf(world, cluster)).reduce<Layer>((a, b) => (a > b ? a : b), 0);
}

/** One run of an execution, and what lies between it and the next. */
interface Stretch extends Run {
  readonly execution: Execution;
  /** Of the execution, and of the run: "run-1", or "run-1, redrive 1". */
  readonly name: string;
  /** Start of the next redrive. */
  readonly until: number;
  readonly history: readonly HistoryEvent[];
}

function stretchesOf(execution: Execution): readonly Stretch[] {
  return execution.runs.map((run, index) => {
    const next = execution.runs[index + 1];
    return {
      ...run,
      execution,
      name: run.number === 0 ? execution.name : `${execution.name}, redrive ${run.number}`,
      until: next?.startedAt ?? Number.POSITIVE_INFINITY,
      history: execution.history.slice(run.offset, next?.offset),
    };
  });
}

function everyStretch(world: World): readonly Stretch[] {
  return world.executions.flatMap(stretchesOf);
}

function isHit({ scenario }: World, { name }: Execution, which: (fault: Fault) => boolean): boolean {
  return scenario.faults.some((fault) => (fault.execution ?? name) === name && which(fault));
}

/** No Catch could run to its end: it was stopped, or met an error that States.ALL does not catch. */
function wasCutOff(world: World, { execution, outcome: { status, error } }: Stretch): boolean {
  return ["ABORTED", "TIMED_OUT"].includes(status)
    ? (world.scenario.stops ?? []).some((stop) => stop.execution === execution.name)
    : isHit(world, execution, ({ failure }) => isUncatchable(failure) && failure.error?.code === error);
}

/** It gave way to another: nothing was done, and there is nothing to tell. */
function wasSkipped({ history }: { readonly history: readonly HistoryEvent[] }): boolean {
  return history.some(({ type, state }) => type === "StateEntered" && state === "Skipped");
}

function isUncatchable({ error }: Failure): boolean {
  return ["States.DataLimitExceeded", "States.Runtime"].includes(error?.code ?? "");
}

function endedByItself(world: World): readonly Stretch[] {
  return everyStretch(world).filter((one) => !wasCutOff(world, one));
}

/** All that an execution had done by a run's end. */
function historyUntil({ execution, history, offset }: Stretch): readonly HistoryEvent[] {
  return execution.history.slice(0, offset + history.length);
}

function hasDone(run: Stretch, state: string): boolean {
  return historyUntil(run).some((event) => event.type === "TaskSucceeded" && event.state === state);
}

interface FirstFailure {
  readonly at: number;
  readonly error: string;
  readonly cause: string;
}

/**
 * The failure with which the clean-up began, under the name that Catch saw, and when that was. A redrive may go on in the
 * middle of the clean-up: then it was in an earlier run.
 */
function firstFailure(run: Stretch): FirstFailure | undefined {
  const history = historyUntil(run);
  const end = history.findIndex(({ type, state }) => type === "StateEntered" && state === cleanUp);
  const found = history.slice(0, Math.max(0, end)).findLast(({ type }) => /^Task(Failed|TimedOut)$/.test(type));
  return found && { at: found.at, error: found.error ?? "States.Timeout", cause: found.cause ?? "" };
}

function hitsOn({ scenario }: World, { name }: Execution, state: string): readonly Fault[] {
  return scenario.faults.filter((fault) => fault.state === state && (fault.execution ?? name) === name);
}

/** Lambda calls a function that failed twice more. */
function isWellInTheEnd(hits: readonly Fault[]): boolean {
  return hits.every(isMended) && hits.length <= 2;
}

/** The events of a run's end that came to layer 2 before the execution went on, and with time to act on them. */
function heard(world: World, { execution: { name }, number, until }: Stretch): readonly Delivery[] {
  return world.endings.filter(
    (one) => one.execution === name && one.run === number && one.at + timeForLayer2Ms < until,
  );
}

/** The clean-up cannot end a cluster. To end one whose id the state has, it need not list any. */
function isCleanUpHit(world: World, run: Stretch): boolean {
  const isIdKnown = hasDone(run, "CreateCluster");
  return isHit(world, run.execution, ({ state, operation, times }) => {
    return state === cleanUp && times === persistently && !(isIdKnown && operation === "emr:ListClusters");
  });
}

/** When layer 2 must have ended a cluster, of which it hears after it is there; never, if it cannot. */
function byLayer2(world: World, run: Stretch, createdAt: number): number {
  const hits = hitsOn(world, run.execution, "layer 2").filter(({ operation }) => !operation.startsWith("sns:"));
  if (!isWellInTheEnd(hits) || run.outcome.status === "SUCCEEDED") return Number.POSITIVE_INFINITY;
  const [at = Number.POSITIVE_INFINITY] = heard(world, run).flatMap((one) => (one.at >= createdAt ? one.at : []));
  return at + (hits.length === 0 ? minuteMs : timeForLayer2Ms);
}

/** When the sweep must have: at its next turn that finds the cluster, and its execution over. */
function byLayer3(world: World, { execution, number }: Stretch, createdAt: number): number {
  const over = stretchesOf(execution).find((one) => one.number >= number && one.until - one.endedAt > sweepMs);
  const outage = hitsOn(world, execution, "layer 3").length > 0 ? world.outageUntil : 0;
  return Math.max(over?.endedAt ?? Number.POSITIVE_INFINITY, createdAt, outage) + sweepMs;
}

/** How a cluster was ended by another layer, or later, than by the first that could. */
function isLate(world: World, run: Stretch, cluster: Cluster): string[] {
  const { Id: id, endingSince = Number.POSITIVE_INFINITY } = cluster;
  // Idleness ends a cluster while Step Functions still waits for an answer that never comes.
  if (endingSince < Math.min(run.endedAt, firstFailure(run)?.at ?? Number.POSITIVE_INFINITY)) return [];
  if (isKept(world, cluster)) return [];
  const layer = layerOf(world, cluster);
  if (!wasCutOff(world, run) && !isCleanUpHit(world, run))
    return layer > 1 ? [`${id} was ended by layer ${layer}, not by its execution`] : [];
  const createdAt = 1000 * cluster.Status.Timeline.CreationDateTime;
  const [second, third] = [byLayer2, byLayer3].map((due) => due(world, run, createdAt));
  const lateMs = endingSince - Math.min(second ?? 0, third ?? 0);
  return lateMs > 0 ? [`${id} was ended ${lateMs / minuteMs} minutes late, by layer ${layer}`] : [];
}

function everyClusterEnds(world: World): string[] {
  return world.creations.flatMap(({ cluster, by }) => {
    const execution = world.executions.find(({ arn }) => arn === ownerOf(cluster));
    const run = execution && stretchesOf(execution)[by.run ?? 0];
    if (run === undefined) return [`${cluster.Id} has no execution's tag`];
    const isStuck =
      cluster.Status.State === "TERMINATING" && isHit(world, run.execution, (f) => f.failure.name === "NEVER");
    return Emr.isGone(cluster) || isStuck ? isLate(world, run, cluster) : [`${cluster.Id} is ${cluster.Status.State}`];
  });
}

function isRightful(world: World, { by, owner, told, cluster, at }: Touch): boolean {
  if (owner === undefined) return false;
  if (!(by.state in layers)) return world.executions.find(({ name }) => name === by.execution)?.arn === owner;
  if (!owner.startsWith(world.deployed.stateMachineArn.replace(":stateMachine:", ":execution:"))) return false;
  const maxHours = cluster.Tags.find(({ Key }) => Key === "orchard:max-hours")?.Value;
  const oldestMs = Math.min(maxClusterHours, Number(maxHours ?? maxClusterHours)) * hourMs;
  if (at - 1000 * cluster.Status.Timeline.CreationDateTime > oldestMs) return true;
  // Only a success keeps a cluster.
  if ((deadlineOf(cluster) ?? 0) > at && (told === undefined || told.status === "SUCCEEDED")) return false;
  // Each invocation asks for itself; that the execution is redriven between the answer and the act cannot be excluded.
  return told !== undefined && told.status !== "RUNNING";
}

function onlyOwnClusters(world: World): string[] {
  return world.touches
    .filter((touch) => !isRightful(world, touch))
    .map(({ by, operation, cluster, owner = "nobody", ownerStatus = "unknown", told }) => {
      const knowledge = `which is ${ownerStatus}; it was told ${told?.status ?? "nothing"}`;
      return `${by.state} called ${operation} for ${cluster.Name} of ${owner}, ${knowledge}`;
    });
}

/** A failure that is over when the call is made again, and until then had no effect. */
function isMended({ failure, times }: Fault): boolean {
  return times === 1 && failure.when === "before" && !isUncatchable(failure);
}

function isByLayer({ by }: Mail): boolean {
  return by.state in layers;
}

/** The clusters that a run had: those that it created, else those that it took over from the run before. */
function clustersOf(world: World, { execution, number }: Stretch): readonly Cluster[] {
  const own = world.creations.filter(({ by }) => by.execution === execution.name && (by.run ?? 0) <= number);
  const last = Math.max(...own.map(({ by }) => by.run ?? 0));
  return own.filter(({ by }) => (by.run ?? 0) === last).map(({ cluster }) => cluster);
}

/** The mail of a run that came to its own last states; one that began in the very last one has had its mail before. */
function ownNotification(world: World, run: Stretch): string[] {
  const { execution, name } = run;
  const mails = world.mails.filter((mail) => {
    return (
      mail.by.execution === execution.name && (isByLayer(mail) ? mail.at >= run.endedAt : mail.by.run === run.number)
    );
  });
  const told = mails.filter((mail) => mail.at < run.until);
  const isAlarm = ({ subject }: Mail) => subject.includes("MAY BE RUNNING");
  const had = clustersOf(world, run);
  const isSaid = (mail: Mail) => isAlarm(mail) || mail.message.includes("IS KEPT AND COSTS MONEY");
  const lies = told.filter((mail) => mail.alive.some((one) => had.includes(one)) && !isSaid(mail));
  const isEndingHit = ({ state, operation }: Fault) =>
    [cleanUp, "ConfirmTerminated"].includes(state) || /^(shutdown|protection):/.test(operation);
  const falseAlarms = told.filter((mail) => isAlarm(mail) && !isHit(world, execution, isEndingHit));
  const isAfterwards = run.history.every(({ type }) => !type.startsWith("Task"));
  const isDue = !wasSkipped(run) && !(isAfterwards && run.number > 0);
  const [least, most] = isDue ? mailsOf(world, run) : [0, 0];
  return [
    ...(told.length >= least && told.length <= most ? [] : [`${name} ended with ${told.length} notifications`]),
    ...lies.map(({ subject }) => `"${subject}" does not say that a cluster of ${name} may be running`),
    ...falseAlarms.map(({ subject }) => `"${subject}" although nothing kept the cluster from ending`),
  ];
}

/** The states that notify are tried six times. */
const notifyAttempts = 6;

/**
 * The least and the most closing mails of a run. None only if every attempt may have come to nothing; more than one only
 * if the answer to one that was sent was lost: "at least once".
 */
function mailsOf(world: World, { execution, history }: Stretch): readonly [number, number] {
  const entered = new Set(history.flatMap(({ state = "" }) => (state.startsWith("Notify") ? state : [])));
  const hits = [...entered].flatMap((state) => hitsOn(world, execution, state));
  const times = (isSent: boolean) =>
    hits.filter(({ failure }) => (failure.when !== "before") === isSent).reduce((sum, fault) => sum + fault.times, 0);
  return [times(false) < notifyAttempts ? 1 : 0, 1 + times(true)];
}

/**
 * The clusters of which a layer's mail has no word: those that it does not name, though they were there when the run
 * ended, and those that RunJobFlow made after that, if it does not say that there may be one.
 */
function concealed(world: World, execution: Execution, { message, at, alive }: Mail): readonly Cluster[] {
  const run = execution.runs.findLast(({ endedAt }) => endedAt <= at);
  if (run === undefined || message.includes("EMR did not answer")) return [];
  const isLate = ({ Status: { Timeline: timeline } }: Cluster) => 1000 * timeline.CreationDateTime > run.endedAt;
  const isLateSaid = message.includes("one that was just being created");
  const made = world.creations.flatMap(({ cluster, by }) =>
    by.execution === execution.name && by.run === run.number && isLate(cluster) ? cluster : [],
  );
  return [...alive.filter((one) => !isLate(one)), ...(isLateSaid ? [] : made)].filter(
    ({ Id: id }) => !message.includes(id),
  );
}

/**
 * The mail about a run that could not send its own: at least one when its event came, unless the execution went on before
 * that, and over all no more than events came. EventBridge delivers "at least once": a doubled event is a doubled mail.
 */
function stoppedNotification(world: World, execution: Execution): string[] {
  const { name } = execution;
  const mails = world.mails.filter((mail) => mail.by.execution === name && isByLayer(mail));
  const untrue = mails
    .filter((mail) => concealed(world, execution, mail).length > 0)
    .map(({ message }) => `the mail about ${name} conceals a cluster: ${squeeze(message)}`);
  const endings = world.endings.filter((one) => one.execution === name);
  if (!isWellInTheEnd(hitsOn(world, execution, "layer 2"))) return untrue;
  const silent = stretchesOf(execution).filter((run) => {
    const isTold = mails.some(({ at }) => at >= run.endedAt && at < run.until);
    return wasCutOff(world, run) && heard(world, run).length > 0 && !isTold;
  });
  return [
    ...untrue,
    ...silent.map((run) => `nobody was told that ${run.name} is ${run.outcome.status}`),
    ...(mails.length > endings.length ? [`${name}: ${mails.length} mails for ${endings.length} events`] : []),
  ];
}

function oneTrueNotification(world: World): string[] {
  return [
    ...endedByItself(world).flatMap((run) => ownNotification(world, run)),
    ...world.executions.flatMap((execution) => stoppedNotification(world, execution)),
  ];
}

/** Words alone: a list of problems is told in one line. */
function squeeze(text: string): string {
  return text.replaceAll(/[\s;-]+/g, " ").trim();
}

/** What EMR's integrations quote of a step or a cluster, and Lambda's of a function. */
interface Quoted {
  readonly errorMessage?: string;
  readonly ClusterId?: string;
  readonly Step?: Pick<Step, "Status">;
  readonly Cluster?: Pick<Cluster, "Status">;
}

/** Why a cluster ended that a run still needed. */
function endOf(world: World, cluster: Cluster): string {
  if ((deadlineOf(cluster) ?? Number.POSITIVE_INFINITY) <= (cluster.endingSince ?? 0)) return "was kept until";
  const { Message: message = "" } = cluster.Status.StateChangeReason;
  return layerOf(world, cluster) === 3 ? "hours, which is all that maxCostUsd" : message;
}

/** What a diagnosis may say, one of these at least: what was thrown, or why a step or a cluster ended. */
function truthsAbout(world: World, run: Stretch, { at, error, cause }: FirstFailure): readonly string[] {
  const quoted: Quoted = cause.startsWith("{") ? JSON.parse(cause) : {};
  if (quoted.errorMessage !== undefined) return [quoted.errorMessage];
  const status = (quoted.Step ?? quoted.Cluster)?.Status;
  const { Message: reason } = status?.StateChangeReason ?? {};
  const own = status?.FailureDetails?.Message ?? (status?.State === "INTERRUPTED" ? "interrupted" : reason);
  const cluster = world.emr.clusters.get(quoted.ClusterId ?? "") ?? borrowedBy(world, run.execution);
  const ends = (cluster ? [cluster] : clustersOf(world, run)).flatMap((one) =>
    one.endingSince !== undefined && one.endingSince < at ? endOf(world, one) : [],
  );
  if (reason === "Job terminated") {
    const isBlind = isHit(world, run.execution, ({ state }) => state === "DiagnoseFailure");
    return isBlind ? [...ends, reason] : ends;
  }
  if (own !== undefined) return [own];
  if (error === "States.Timeout") return ["within its time limit", ...ends];
  if (/shutting down/.test(cause)) return [cause, "already gone", ...ends];
  return [/signal: killed/.exec(cause)?.[0] ?? cause, ...ends];
}

function firstFailureStands(world: World): string[] {
  return endedByItself(world).flatMap((run) => {
    const { outcome, name } = run;
    const first = firstFailure(run);
    if (first === undefined)
      return outcome.status === "SUCCEEDED" ? [] : [`${name} is ${outcome.status} without cause`];
    if (outcome.status !== "FAILED" || outcome.error !== first.error)
      return [`${name} ended with ${outcome.status} ${outcome.error}, not with ${first.error}`];
    const told = squeeze(outcome.cause ?? "");
    const isDiagnosed = hasDone(run, "DiagnoseFailure");
    if (isDiagnosed && told.startsWith("{")) return [`${name} tells its cause in JSON: ${told}`];
    const truths = (isDiagnosed ? truthsAbout(world, run, first) : [first.cause]).map((text) =>
      squeeze(text.split("\n")[0] ?? "").slice(0, 30),
    );
    return told !== "" && truths.some((text) => told.includes(text))
      ? []
      : [`${name} tells ${told || "nothing"}, not ${truths.join(" or ")}`];
  });
}

function successIsTrue(world: World): string[] {
  const { faults, stops = [] } = world.scenario;
  return world.executions.flatMap((execution) => {
    const { name, endedAt, status, history } = execution;
    if (status !== "SUCCEEDED")
      return faults.length + stops.length === 0 ? [`${name} is ${status} without a fault`] : [];
    const plan = world.s3.json(`runs/${name}/plan.json`) as { steps: { any: boolean } } | undefined;
    const isReused = plan !== undefined && !plan.steps.any;
    const isJudged = history.some(({ type, state }) => type === "TaskSucceeded" && state === "ValidateResults");
    const isValid = isJudged && world.s3.objects.has(`runs/${name}/manifest.json`) && !world.isInvalid(name);
    const isGoneBefore = ({ Status: { Timeline: timeline } }: Cluster) =>
      1000 * (timeline.EndDateTime ?? Number.POSITIVE_INFINITY) <= endedAt;
    // What an earlier run left and a redrive does not know of, the sweep ends: the first invariant sees to that.
    const alive = stretchesOf(execution)
      .slice(-1)
      .flatMap((run) => clustersOf(world, run))
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
}

function latestIsValid(world: World): string[] {
  return world.wrongLatest.map((run) => `latest pointed at ${run}`);
}

/** What holds after every scenario. Each answers how it is broken. */
export const invariants: Readonly<Record<string, (world: World) => string[]>> = {
  "1 every cluster ends: by its execution when a Catch can see the failure, else when the next layer's turn comes":
    everyClusterEnds,
  "2 no cluster is touched but one's own, or one whose execution is known to be over": onlyOwnClusters,
  "3 each run has one closing notification, more only where an answer was lost, and it is true about the cluster":
    oneTrueNotification,
  "4 the execution ends with its first failure, and says in words what it was": firstFailureStands,
  "5 success is reported only for valid results and when the cluster is gone": successIsTrue,
  "6 the results of an invalid run never become latest": latestIsValid,
  "7 a kept cluster goes on until its deadline, and a run that failed on it leaves no step there": keptAsPromised,
};

/** Every broken invariant of a scenario, with the scenario's name. */
export function violationsOf(world: World): readonly string[] {
  return Object.entries(invariants).flatMap(([name, holds]) =>
    holds(world).map((violation) => `${name}: ${violation} [${world.scenario.name}]`),
  );
}
