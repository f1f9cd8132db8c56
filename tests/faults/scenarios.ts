import { inspect } from "node:util";
import type { Deployed } from "./deployed.ts";
import { aFailure, describeFault, type Failure, type Fault, failures, failuresOf, persistently } from "./failures.ts";
import { keeping, stopsWhileKept } from "./kept.ts";
import { type Redrive, type Scenario, type Stop, World } from "./world.ts";

const minute = 60_000;
const hour = 60 * minute;
/** Longer than any outage, and than the absolute age limit. */
const horizonMs = 30 * hour;

/** A scenario plays in less than a second of a core: after so much real time, it hangs. */
const realLimitMs = 90_000;

/**
 * Plays a scenario in virtual time.
 *
 * @throws Error with the whole scenario when it does not end within 90 s of real time
 */
export async function play(deployed: Deployed, scenario: Scenario, limitMs = realLimitMs): Promise<World> {
  const world = new World(deployed, scenario);
  const { promise: limit, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const virtual = new Date(world.clock.now).toISOString();
    const shown = inspect(scenario, { depth: null });
    const error = new Error(`The scenario did not end within ${limitMs} ms; virtual time is ${virtual}: ${shown}`);
    world.clock.halt(error);
    reject(error);
  }, limitMs);
  try {
    return await Promise.race([world.play(horizonMs), limit]);
  } finally {
    clearTimeout(timer);
  }
}

function stepsOf({ definition }: Deployed): readonly string[] {
  return Object.entries(definition.States).flatMap(([name, { Resource = "" }]) =>
    Resource.endsWith(":addStep.sync") ? [name] : [],
  );
}

function fault(state: string, operation: string, failure: string | Failure, times = 1): Fault {
  return {
    state,
    operation,
    failure: typeof failure === "string" ? aFailure(operation, failure) : failure,
    times,
  };
}

function scenario(faults: readonly Fault[], stops?: readonly Stop[], more: Partial<Scenario> = {}): Scenario {
  return {
    name: [
      ...faults.map(describeFault),
      ...(stops ?? []).map(({ event, afterMs, status }) => `${status} ${afterMs} ms after event ${event}`),
      ...(more.overlap ? [`overlap ${more.overlap}`] : []),
      ...(more.redrives ?? []).map(({ afterMs }) => `redriven ${afterMs} ms after its end`),
      ...(more.deliveries ? [`deliveries ${JSON.stringify(more.deliveries)}`] : []),
    ].join(", "),
    faults,
    ...(stops && { stops }),
    ...more,
  };
}

function stop(event: number, afterMs = 0, status: Stop["status"] = "ABORTED"): Stop {
  return {
    execution: "run-1",
    event,
    afterMs,
    status,
  };
}

function redrive(afterMs: number): Redrive {
  return { execution: "run-1", afterMs };
}

const failedStep = fault("*", "step:Inventory", "FAILED");
const lostCluster = fault("CreateCluster", "emr:RunJobFlow", "answer lost");
const cancelFails = ["emr:TerminateJobFlows", "emr:CancelSteps"].map((operation) =>
  fault("cancel", operation, "AccessDeniedException", persistently),
);

/** The number of an event in the history of a run in which all is well. */
async function eventOf(deployed: Deployed, type: string, state: string): Promise<number> {
  const { executions } = await play(deployed, scenario([]));
  return 1 + (executions[0]?.history.findIndex((event) => event.type === type && event.state === state) ?? 0);
}

/** Runs from which the others are made: all is well, a failure that is caught, a cluster nobody knows by id, a stop. */
async function basesOf(deployed: Deployed): Promise<readonly Scenario[]> {
  const whileStepRuns = stop(await eventOf(deployed, "TaskSubmitted", "Inventory"), 60_000);
  const hangs = fault("*", "step:Inventory", "HANGS");
  return [
    scenario([]),
    scenario([failedStep]),
    scenario([lostCluster]),
    // One node, and so no managed scaling.
    scenario([], undefined, { inputs: [() => ({ cluster: {} })] }),
    scenario([fault("*", "protection:Inventory", "PROTECTED"), failedStep]),
    // The second begins while the first runs.
    scenario([], undefined, { overlap: "queue", starts: [0, 60_000] }),
    scenario([], undefined, { overlap: "skip", starts: [0, 60_000] }),
    // Step Functions' own cancelling comes to nothing.
    scenario([hangs, ...cancelFails], [whileStepRuns], { deliveries: [[], []] }),
    scenario([hangs, ...cancelFails], [whileStepRuns]),
    scenario([hangs, ...cancelFails], [{ ...whileStepRuns, status: "TIMED_OUT" }]),
  ];
}

/** Every call of every state × every failure that its service can give × once or for good. */
export async function everyCall(
  deployed: Deployed,
  bases: readonly Scenario[],
  seen = new Set<string>(),
): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  for (const base of [...bases, ...keeping]) {
    const { calls } = await play(deployed, base);
    const { name: _name, faults, stops, ...more } = base;
    for (const call of calls) {
      // A layer's failure tells something only where it has a cluster to end.
      if (seen.has(call) || (call.startsWith("layer") && stops === undefined)) continue;
      seen.add(call);
      const [, state = "", operation = ""] = /^(.*) (\S+)$/.exec(call) ?? [];
      for (const failure of failuresOf(operation)) {
        for (const times of [1, persistently]) {
          scenarios.push(scenario([...faults, fault(state, operation, failure, times)], stops, more));
        }
      }
    }
  }
  return scenarios;
}

/** What clusters and steps do by themselves, with and without a failure that is caught before. */
function everyBehaviour(deployed: Deployed): Scenario[] {
  const alone = [
    ...(failures["start"] ?? []).map((failure) => fault("*", "start:", failure)),
    ...stepsOf(deployed).flatMap((step) => [
      ...(failures["step"] ?? []).map((failure) => fault("*", `step:${step}`, failure)),
      fault("*", `results:${step}`, "INVALID"),
    ]),
  ];
  const beside = [
    ...(failures["shutdown"] ?? []).map((failure) => fault("*", "shutdown:", failure, persistently)),
    fault("*", "protection:Inventory", "PROTECTED"),
  ];
  return [
    ...alone.map((one) => scenario([one])),
    ...beside.flatMap((one) => [
      scenario([one]),
      scenario([one, failedStep]),
      scenario([one, fault("*", "step:Inventory", "HANGS")]),
    ]),
  ];
}

/** Stopped or out of time at every event, with Step Functions' cancelling at work and without. */
async function everyStop(deployed: Deployed, bases: readonly Scenario[]): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  for (const base of bases.slice(0, 3)) {
    const { executions } = await play(deployed, base);
    const count = (executions[0]?.history.length ?? 1) - 1;
    for (let event = 1; event <= count; event += 1) {
      scenarios.push(scenario(base.faults, [stop(event)]));
      scenarios.push(scenario([...base.faults, ...cancelFails], [stop(event, 0, "TIMED_OUT")]));
    }
  }
  return scenarios;
}

/**
 * The abort that falls while RunJobFlow is in flight: before EMR has the request, and before its answer is back; at last
 * that of a redrive, while the cluster of the run before is still going.
 */
export async function inFlight(deployed: Deployed): Promise<Scenario[]> {
  const event = await eventOf(deployed, "TaskScheduled", "CreateCluster");
  // Then TaskSubmitted, ExecutionABORTED, ExecutionRedriven, TaskScheduled.
  const stops = [stop(event + 1, minute), stop(event + 4, 1_000)];
  return [
    ...[1_000, 4_000, 4_900, 5_100, 6_000, 9_000].flatMap((afterMs) =>
      [
        [[500], [500]],
        [[500], []],
        [[500], [0, 10_000]],
      ].map((deliveries) => scenario(cancelFails, [stop(event, afterMs)], { deliveries })),
    ),
    scenario(cancelFails, stops, { redrives: [redrive(minute / 2)] }),
  ];
}

/** When all is over, and the cluster gone. */
const later = redrive(20 * minute);

/**
 * Redriven after FAILED, ABORTED and TIMED_OUT, at every state that does something, while it begins and while it waits:
 * late, when the cluster is gone, and soon, with the cluster still there and the event of the first end coming twice, when
 * the execution is RUNNING again.
 */
async function everyRedrive(deployed: Deployed, bases: readonly Scenario[]): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  const seen = new Set<string>();
  const stale = [[500], [4 * minute, 10 * minute]];
  for (const { faults } of bases.slice(0, 3)) {
    const { executions, calls } = await play(deployed, scenario(faults));
    const history = executions[0]?.history ?? [];
    for (const [index, { type, state = "" }] of history.entries()) {
      const afterMs = { TaskScheduled: 5, TaskSubmitted: minute }[type];
      if (afterMs === undefined || seen.has(`${type} ${state}`)) continue;
      seen.add(`${type} ${state}`);
      scenarios.push(scenario(faults, [stop(index + 1, afterMs)], { redrives: [later] }));
      scenarios.push(
        scenario([...faults, ...cancelFails], [stop(index + 1, afterMs, "TIMED_OUT")], {
          redrives: [redrive(minute)],
          deliveries: stale,
        }),
      );
    }
    for (const call of calls) {
      const [, state = ""] = /^(\w+) lambda:Invoke$/.exec(call) ?? [];
      if (state === "" || seen.has(call)) continue;
      seen.add(call);
      for (const code of ["States.Runtime", "States.DataLimitExceeded"]) {
        const beyondCatch = fault(state, "lambda:Invoke", `${code} after the work`);
        scenarios.push(scenario([...faults, beyondCatch], undefined, { redrives: [later] }));
        scenarios.push(
          scenario([...faults, beyondCatch], undefined, { redrives: [redrive(minute)], deliveries: stale }),
        );
      }
    }
  }
  const caught = everyBehaviour(deployed).filter(({ faults }) => faults.length === 1);
  return [...scenarios, ...caught.map(({ faults }) => scenario(faults, undefined, { redrives: [later, later] }))];
}

/** Nobody knows how the execution is for longer than a cluster may live. */
function ageLimit(bases: readonly Scenario[]): Scenario[] {
  return bases
    .filter(({ deliveries }) => deliveries !== undefined)
    .map(({ faults, stops, deliveries = [] }) => {
      const unknown = fault("layer 3", "states:DescribeExecution", "AccessDeniedException", persistently);
      return scenario([...faults, unknown], stops, { deliveries, outageHours: 26 });
    });
}

/** Every call that any of the bases makes, and what a cluster does by itself: "state service:Operation". */
export async function everyCallOf(deployed: Deployed): Promise<readonly string[]> {
  const calls = new Set(
    everyBehaviour(deployed).flatMap(({ faults }) => faults.map(({ state, operation }) => `${state} ${operation}`)),
  );
  for (const base of [...(await basesOf(deployed)), ...keeping])
    for (const call of (await play(deployed, base)).calls) calls.add(call);
  return [...calls];
}

/** All scenarios of the exhaustive part; those that tell most come first. */
export async function everyScenario(deployed: Deployed): Promise<readonly Scenario[]> {
  const bases = await basesOf(deployed);
  const calls = await everyCall(deployed, bases);
  const isTelling = ({ faults }: Scenario) =>
    /^Lambda.(ServiceException|Unknown)$/.test(faults.at(-1)?.failure.name ?? "");
  return [
    ...bases,
    ...keeping,
    ...(await stopsWhileKept((one) => play(deployed, one))),
    ...everyBehaviour(deployed),
    ...calls.filter(isTelling),
    ...(await inFlight(deployed)),
    ...(await everyStop(deployed, bases)),
    ...(await everyRedrive(deployed, bases)),
    ...calls.filter((one) => !isTelling(one)),
    ...ageLimit(bases),
  ];
}

/** Two scenarios with the same signature are one: the execution went the same way. */
export function signatureOf(world: World): string {
  return JSON.stringify(world.executions.map(({ history }) => history.map(({ at, ...event }) => event)));
}
