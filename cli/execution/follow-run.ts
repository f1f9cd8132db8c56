import type { DescribeExecutionOutput } from "@aws-sdk/client-sfn";
import { isEmbedded } from "../../lambdas/contract/arns.ts";
import { hasCode } from "../../shared/system-errors.mjs";
import type { Clients } from "../account/aws-clients.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { ConnectionReport, untilConnected } from "./lost-connection.ts";
import { progressWatcher } from "./progress-watcher.ts";
import { RunningCluster, type StartedRun } from "./running-cluster.ts";
import { watchExecution } from "./watch-execution.ts";

/**
 * Pauses between polls. Step Functions on AWS limits the calls a second of the whole account; on this machine, each poll
 * takes CPU time from the run, which reports its progress once a second.
 */
const pollMs = { embedded: 1_000, aws: 2_000 };

/** Says that a run goes on without the command, and what to do with it. */
export function describeGoesOn(runId: string, verb: "goes on" | "has started" = "goes on"): string {
  return `${runId} ${verb}. Follow it: orchard watch ${runId} · stop it: orchard stop ${runId}`;
}

/**
 * Shows the states, the cluster and the progress of a run until it ends, and goes on after a loss of the network.
 *
 * @param finish reads what the command needs of the ended run; it is repeated when the network is lost
 * @throws CommandFailed when the embedded account has ended
 */
export async function followRun<T>(
  lifetime: Lifetime,
  clients: Clients,
  { bucket }: Pick<DeployedStack, "bucket">,
  run: StartedRun,
  { status, line }: Pick<Reporter, "status" | "line">,
  finish: (described: DescribeExecutionOutput) => Promise<T>,
): Promise<T> {
  const connection = new ConnectionReport(line);
  const onLost = (error: Error): void => {
    if (isEmbedded(run.arn) && hasCode(error, "ECONNREFUSED")) throw accountHasEnded(run.runId);
    connection.lost(error);
  };
  const cluster = new RunningCluster(clients, bucket, run);
  const answered =
    <Args extends unknown[]>(call: (...args: Args) => Promise<void>) =>
    async (...args: Args): Promise<void> => {
      await call(...args);
      connection.answered();
    };
  const { onLeft, onRunning } = progressWatcher(clients, bucket, run, { status, line }, () => cluster.describe());
  const watcher = { onLeft: answered(onLeft), onRunning: answered(onRunning), onLost };
  const everyMs = isEmbedded(run.arn) ? pollMs.embedded : pollMs.aws;
  const described = await watchExecution(lifetime, clients, bucket, run, watcher, everyMs);
  return untilConnected(() => finish(described), { everyMs, signal: lifetime.signal, onLost });
}

/** Explains a refused connection on this machine: no network can be lost here, so the account has ended. */
function accountHasEnded(runId: string): CommandFailed {
  return new CommandFailed(
    `The account on this machine has ended, and ${runId} with it. Start the account again with: orchard local up`,
  );
}
