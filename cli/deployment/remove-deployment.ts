import type { Stack } from "@aws-sdk/client-cloudformation";
import { describeError } from "../../lambdas/aws/errors.ts";
import type { Clients } from "../account/aws-clients.ts";
import {
  type AliveCluster,
  describeAlive,
  endAliveClusters,
  findAliveClusters,
  requestEnd,
} from "../execution/alive-clusters.ts";
import { checkTwice, describeRunning, findRunning, isIdle, stopRunning } from "../execution/running-work.ts";
import { CommandError, CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";
import { closeDeployment, reopenDeployment } from "./closed-deployment.ts";
import { deleteStack } from "./delete-stacks.ts";

export interface Removal {
  readonly clients: Clients;
  /** Undefined when the stack never had a state machine. */
  readonly stateMachineArn: string | undefined;
  /** The data bucket, in which Preflight looks for the marker; undefined when the stack never had one. */
  readonly bucket: string | undefined;
  /** In the order in which they can be deleted. */
  readonly stacks: readonly Stack[];
  /** Whether executions may be stopped and clusters terminated. */
  readonly mayStop: boolean;
  /** Steps after everything else. */
  readonly lastSteps: readonly Step[];
}

/**
 * @param mayStop whether the user gave --stop-running
 * @throws UsageError when an execution or a cluster is running and may not be stopped
 */
export async function requireIdle({
  clients,
  stateMachineArn,
  mayStop,
}: Pick<Removal, "clients" | "stateMachineArn" | "mayStop">): Promise<void> {
  const running = await findRunning(clients, stateMachineArn);
  if (mayStop || isIdle(running)) return;
  const lines = describeRunning(running).map((line) => `  ${line}`);
  throw new UsageError(
    `These executions and clusters are still running:\n${lines.join("\n")}\nWait until they have ended, or pass --stop-running, which stops the executions, terminates the clusters and waits for that first.`,
  );
}

/**
 * Removes a deployment: refuses new runs, ends what runs, deletes the stacks, and looks for clusters again. A failure
 * does not keep it from looking for clusters.
 *
 * @param quiet shows no progress
 * @throws UsageError when something runs that may not be stopped; then the deployment is open as before
 * @throws CommandFailed with the first failure, and the clusters that are alive
 */
export async function removeDeployment(lifetime: Lifetime, removal: Removal, quiet: boolean): Promise<void> {
  const { bucket, clients, stateMachineArn, stacks, mayStop, lastSteps } = removal;
  let isClosed = false;
  let mayEnd = false;
  const closeFirst = async (): Promise<void> => {
    await close(removal);
    isClosed = true;
  };
  const stop = async ({ status }: Reporter): Promise<void> => {
    mayEnd = mayStop;
    if (mayStop) return stopRunning(lifetime, clients, stateMachineArn, status);
    await checkTwice(lifetime, () => requireIdle(removal));
  };
  const remove = async (stack: Stack, { status }: Reporter): Promise<void> => {
    // From here on, the functions that end clusters may be gone.
    mayEnd = true;
    await deleteStack(lifetime, clients, stack, status);
  };
  const endLateClusters = async ({ status, title }: Reporter): Promise<void> => {
    const ids = await endAliveClusters(lifetime, clients, stateMachineArn, status);
    if (ids.length > 0) title(`Clusters that began meanwhile: ${ids.join(", ")} ended`);
  };
  const steps: readonly Step[] = [
    { title: "New runs: refused", run: closeFirst },
    { title: "What runs", run: stop },
    ...stacks.map((stack) => ({
      title: `Stack ${stack.StackName}`,
      run: (reporter: Reporter) => remove(stack, reporter),
    })),
    { title: "Clusters that began meanwhile: none", run: endLateClusters },
    ...lastSteps,
  ];
  try {
    await runSteps(lifetime, steps, quiet);
  } catch (error) {
    if (lifetime.interrupted) throw error;
    if (error instanceof UsageError) {
      // Nothing was removed.
      const failure = bucket === undefined ? "" : await reopenDeployment(clients, bucket);
      throw new UsageError(`${error.message}${failure}`, { cause: error });
    }
    const lines = [messageOf(error), await dealWithClusters(removal, mayEnd), ...(isClosed ? [howToGoOn] : [])];
    throw new CommandFailed(lines.join("\n"), { cause: error });
  }
}

const howToGoOn =
  "No run can start now. Mend the cause and destroy again; `orchard deploy` opens a deployment of which nothing was removed.";

async function close({ clients, bucket }: Removal): Promise<void> {
  if (bucket === undefined) return;
  try {
    await closeDeployment(clients, bucket);
  } catch (error) {
    throw new CommandFailed(
      `New runs cannot be refused, so nothing was removed: s3://${bucket} cannot be written: ${describeError(error)}`,
    );
  }
}

/**
 * Looks for clusters after a failure, and terminates them.
 *
 * @param mayEnd false as long as nothing was stopped or removed
 * @returns what is alive, or why that is not known
 */
async function dealWithClusters({ clients, stateMachineArn }: Removal, mayEnd: boolean): Promise<string> {
  let clusters: readonly AliveCluster[];
  try {
    clusters = await findAliveClusters(clients, stateMachineArn);
  } catch (error) {
    return `It is not known whether clusters are alive: ${describeError(error)}. Look with: aws emr list-clusters --active`;
  }
  if (clusters.length === 0) return "No cluster is alive.";
  const lines = clusters.map((cluster) => `\n  ${describeAlive(cluster)}`).join("");
  if (!mayEnd) return `These clusters are alive:${lines}`;
  try {
    await requestEnd(clients, clusters);
    return `These clusters were alive, and EMR was asked to terminate them:${lines}`;
  } catch (error) {
    return `These clusters are alive:${lines}\n${messageOf(error)}`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof CommandError ? error.message : describeError(error);
}
