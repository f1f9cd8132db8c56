import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { type ExecutionListItem, paginateListExecutions, type SFNClient } from "@aws-sdk/client-sfn";
import { stateMachineArnOf } from "../contract/arns.ts";
import type { overlaps } from "../contract/choices.ts";
import type { Execution } from "../contract/execution.ts";
import { OtherExecutionRunning } from "../runtime/errors.ts";
import { logger, metrics } from "../runtime/handler.ts";

/** Whether the execution may proceed, and the earlier execution that prevents it. */
export interface Turn {
  readonly isOurs: boolean;
  readonly inTheWay: { readonly executionArn: string; readonly startedAt: string } | null;
}

export interface TurnRequest {
  readonly state: { readonly input: { readonly overlap: (typeof overlaps)[number] } };
  readonly execution: Execution;
}

const proceed: Turn = { isOurs: true, inTheWay: null };

/** Orders executions by start, then by name. The order is total, so that two executions never wait for each other. */
function isBefore(a: ExecutionListItem, b: { readonly startMs: number; readonly name: string }): boolean {
  const startMs = a.startDate?.getTime() ?? 0;
  return startMs < b.startMs || (startMs === b.startMs && (a.name ?? "") < b.name);
}

async function listRunning(sfn: SFNClient, stateMachineArn: string): Promise<readonly ExecutionListItem[]> {
  const running: ExecutionListItem[] = [];
  const request = { stateMachineArn, statusFilter: "RUNNING" as const };
  for await (const { executions = [] } of paginateListExecutions({ client: sfn }, request)) running.push(...executions);
  return running;
}

/**
 * Lets an execution proceed if no earlier one of the same state machine is running, and otherwise follows its `overlap`.
 * ListExecutions is eventually consistent, so two executions that start within seconds may both proceed; each has its own
 * cluster and folder, so that this costs money but does no harm.
 *
 * @throws OtherExecutionRunning if the execution has to wait; the state machine retries
 */
export async function takeTurn({ state, execution }: TurnRequest, sfn: SFNClient): Promise<Turn> {
  const { overlap } = state.input;
  if (overlap === "allow") return proceed;
  const running = await listRunning(sfn, stateMachineArnOf(execution.id));
  // Prefer the listed start of this execution: it has the same clock and precision as the others'.
  const listedStart = running.find(({ executionArn }) => executionArn === execution.id)?.startDate;
  const self = { startMs: (listedStart ?? new Date(execution.startTime)).getTime(), name: execution.name };
  const earlier = running.find((item) => item.executionArn !== execution.id && isBefore(item, self));
  if (earlier === undefined) return proceed;

  const inTheWay = { executionArn: earlier.executionArn ?? "", startedAt: earlier.startDate?.toISOString() ?? "" };
  const notice = `${inTheWay.executionArn} has been running since ${inTheWay.startedAt}`;
  if (overlap === "queue") {
    throw new OtherExecutionRunning(
      `${notice}. This execution waits for it. Start this one again later, or stop the other one`,
    );
  }
  logger.warn(`Skipped: ${notice}`, inTheWay);
  metrics.addMetric("SkippedExecutions", MetricUnit.Count, 1);
  return { isOurs: false, inTheWay };
}
