// Plays the runs of one kind of cluster, and asks AWS about each.
import { CopyObjectCommand, DeleteObjectCommand } from "@aws-sdk/client-s3";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { isGone } from "../../lambdas/aws/cluster-states.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import type { ExecutionInput } from "../execution/execution-input.ts";
import {
  describeExecution,
  type Execution,
  findCluster,
  newExecution,
  startExecution,
  stopWithCommand,
} from "../execution/watch-execution.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Ceiling } from "./ceiling.ts";
import { type Comparison, compare, compareTogether } from "./compare.ts";
import type { Kind, Observation, Run, SkippedRun } from "./observation.ts";
import { type Deployed, enteredStates, observe, readPlan } from "./observe.ts";

/** Longer than any run of a few hundred images, and than the time limit of its first step. */
const runMinutes = 120;
const clusterEndMinutes = 30;

/** Everything that the runs of one kind share. */
export interface Stage {
  readonly lifetime: Lifetime;
  readonly deployed: Deployed;
  readonly kind: Kind;
  readonly ceiling: Ceiling;
  readonly pollMilliseconds: number;
  readonly log: (line: string) => void;
}

/** The results of one run, or of several that were started together. */
export interface Played {
  readonly observations: readonly Observation[];
  readonly comparisons: readonly Comparison[];
  readonly skipped: readonly SkippedRun[];
}

const inputs: Readonly<Record<Run, ExecutionInput>> = {
  inventory: { mode: "inventory" },
  mini: { mode: "mini", force: true, pca: { components: 10 } },
  failing: { mode: "mini", force: true, pca: { components: 10 } },
  stopped: { mode: "inventory" },
  doubled: { mode: "inventory" },
};

/** @throws CommandFailed when the condition does not hold in time */
async function wait(stage: Stage, what: string, minutes: number, isDone: () => Promise<boolean>): Promise<void> {
  const options = { everyMs: stage.pollMilliseconds, timeoutMs: minutes * 60_000, signal: stage.lifetime.signal };
  if (!(await waitUntil(isDone, options))) throw new CommandFailed(`${what} did not happen within ${minutes} minutes.`);
}

async function start(stage: Stage, run: Run, maxCostUsd: number): Promise<Execution> {
  const { lifetime, deployed } = stage;
  const execution = newExecution(deployed.stateMachineArn);
  stopWithCommand(lifetime, deployed.clients, execution, true);
  await startExecution(deployed.clients, deployed.stateMachineArn, execution, { ...inputs[run], maxCostUsd });
  return execution;
}

async function isRunning({ deployed }: Stage, execution: Execution): Promise<boolean> {
  return (await describeExecution(deployed.clients, execution)).status === "RUNNING";
}

/** Waits for the end of the execution and of its cluster. */
async function waitForEnd(stage: Stage, execution: Execution): Promise<void> {
  await wait(stage, `The end of ${execution.runId}`, runMinutes, async () => !(await isRunning(stage, execution)));
  await wait(stage, `The end of the cluster of ${execution.runId}`, clusterEndMinutes, async () => {
    const cluster = await findCluster(stage.deployed.clients, execution);
    return cluster === undefined || isGone(cluster.state);
  });
}

/** Waits until a state was entered. @returns false when the execution ended before */
async function waitForState(stage: Stage, execution: Execution, state: string): Promise<boolean> {
  let entered = false;
  await wait(stage, `${state} of ${execution.runId}`, runMinutes, async () => {
    entered = (await enteredStates(stage.deployed.clients, execution)).includes(state);
    return entered || !(await isRunning(stage, execution));
  });
  return entered;
}

/** Makes ExtractFeatures fail: moves the model away after Preflight and UploadScripts have checked it. */
async function withoutModel(stage: Stage, execution: Execution): Promise<void> {
  if (!(await waitForState(stage, execution, "CreateCluster"))) return waitForEnd(stage, execution);
  const { clients, bucket: Bucket } = stage.deployed;
  const Key = (await readPlan(stage.deployed, execution.runId))?.model.key;
  if (Key === undefined) throw new CommandFailed(`${execution.runId} created a cluster without a plan.`);
  const aside = `${Key}.aside`;
  const move = async (from: string, to: string): Promise<void> => {
    await clients.s3.send(new CopyObjectCommand({ Bucket, CopySource: `${Bucket}/${from}`, Key: to }));
    await clients.s3.send(new DeleteObjectCommand({ Bucket, Key: from }));
  };
  await move(Key, aside);
  try {
    await waitForEnd(stage, execution);
  } finally {
    await move(aside, Key);
  }
}

/** Stops the execution while EMR creates its cluster. */
async function stopInCreateCluster(stage: Stage, execution: Execution): Promise<void> {
  const { clients } = stage.deployed;
  await wait(stage, `A cluster of ${execution.runId}`, runMinutes, async () => {
    return (await findCluster(clients, execution)) !== undefined || !(await isRunning(stage, execution));
  });
  const cause = "npm run check:aws stops this run.";
  if (await isRunning(stage, execution)) {
    await clients.sfn.send(new StopExecutionCommand({ executionArn: execution.arn, error: "Stopped", cause }));
  }
  await waitForEnd(stage, execution);
}

const plays: Readonly<Record<Run, (stage: Stage, execution: Execution) => Promise<void>>> = {
  inventory: waitForEnd,
  mini: waitForEnd,
  failing: withoutModel,
  stopped: stopInCreateCluster,
  doubled: waitForEnd,
};

/** Whether Preflight refused the run because its quote is above its `maxCostUsd`. */
function isAboveCeiling({ cluster, cause }: Observation): boolean {
  return cluster === undefined && cause.includes("maxCostUsd");
}

/**
 * Plays a run. Its `maxCostUsd` is its share of the money that is left, so Preflight refuses a plan with a higher quote
 * before anything is created.
 */
export async function play(stage: Stage, run: Run): Promise<Played> {
  const { kind, ceiling, deployed, log } = stage;
  const count = run === "doubled" ? 2 : 1;
  const maxCostUsd = ceiling.share(count);
  if (maxCostUsd === undefined) {
    const reason = "less than a cent is left of the ceiling";
    return { observations: [], comparisons: [], skipped: [{ kind, run, reason }] };
  }
  const executions = await Promise.all(Array.from({ length: count }, () => start(stage, run, maxCostUsd)));
  log(`${run}: ${executions.map(({ runId }) => runId).join(", ")}, at most ${maxCostUsd.toFixed(2)} USD each`);
  await Promise.all(executions.map((execution) => plays[run](stage, execution)));
  const all = await Promise.all(executions.map((execution) => observe(deployed, kind, run, execution)));
  for (const { actualUsd } of all) ceiling.spend(actualUsd ?? 0);
  const skipped = all.filter(isAboveCeiling).map(({ cause }) => ({ kind, run, reason: cause }));
  const observations = all.filter((observation) => !isAboveCeiling(observation));
  const together = run === "doubled" ? compareTogether(observations) : [];
  return { observations, comparisons: [...observations.flatMap(compare), ...together], skipped };
}
