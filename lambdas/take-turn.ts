import { MetricUnit } from "@aws-lambda-powertools/metrics";
import { type ExecutionListItem, paginateListExecutions, type SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { createSfnClient } from "./aws/executions.ts";
import { overlaps } from "./contract/choices.ts";
import { executionSchema } from "./contract/execution.ts";
import { OtherExecutionRunning } from "./runtime/errors.ts";
import { lambdaHandler, logger, metrics } from "./runtime/handler.ts";

/** Of the input only what is asked here; anything malformed means "allow", so that Preflight reports it. */
const overlapping = z.object({ overlap: z.enum(overlaps).catch("allow") });

export const takeTurnEventSchema = z.object({
  state: z.looseObject({ input: overlapping.catch({ overlap: "allow" }) }),
  execution: executionSchema,
});
export type TakeTurnEvent = z.output<typeof takeTurnEventSchema>;

/** Whether the execution may go on, and which one is in its way. */
export interface Turn {
  readonly isOurs: boolean;
  readonly inTheWay: { readonly executionArn: string; readonly startedAt: string } | null;
}

const free: Turn = { isOurs: true, inTheWay: null };

/** arn:…:execution:<state machine>:<name> → arn:…:stateMachine:<state machine> */
function stateMachineOf(executionArn: string): string {
  return executionArn.replace(":execution:", ":stateMachine:").split(":").slice(0, 7).join(":");
}

/** A total order, the same for everybody who asks: two executions never wait for each other. */
function isBefore(one: ExecutionListItem, other: { readonly startMs: number; readonly name: string }): boolean {
  const startMs = one.startDate?.getTime() ?? 0;
  return startMs < other.startMs || (startMs === other.startMs && (one.name ?? "") < other.name);
}

/**
 * Lets an execution go on when no earlier one of the same state machine runs, and otherwise does as its input says.
 * ListExecutions is eventually consistent, so that two that start within the same seconds may both go on: each has a
 * cluster and a folder of its own, and the only harm is the price.
 *
 * @throws OtherExecutionRunning when it is to wait; the state machine asks again
 */
export async function takeTurn({ state, execution }: TakeTurnEvent, sfn: SFNClient): Promise<Turn> {
  const { overlap } = state.input;
  if (overlap === "allow") return free;
  const running: ExecutionListItem[] = [];
  const request = { stateMachineArn: stateMachineOf(execution.id), statusFilter: "RUNNING" as const };
  for await (const { executions = [] } of paginateListExecutions({ client: sfn }, request)) running.push(...executions);
  // Our own start as the list has it, if it does: the same clock and the same precision as the others'.
  const listed = running.find(({ executionArn }) => executionArn === execution.id)?.startDate;
  const us = { startMs: (listed ?? new Date(execution.startTime)).getTime(), name: execution.name };
  const other = running.find((one) => one.executionArn !== execution.id && isBefore(one, us));
  if (other === undefined) return free;

  const inTheWay = { executionArn: other.executionArn ?? "", startedAt: other.startDate?.toISOString() ?? "" };
  const notice = `${inTheWay.executionArn} runs since ${inTheWay.startedAt}`;
  if (overlap === "queue") {
    throw new OtherExecutionRunning(
      `${notice}. This execution waits for it. Start it again later, or end the other one`,
    );
  }
  logger.warn(`Skipped: ${notice}`, inTheWay);
  metrics.addMetric("SkippedExecutions", MetricUnit.Count, 1);
  return { isOurs: false, inTheWay };
}

const sfn = createSfnClient();

export const handler = lambdaHandler(takeTurnEventSchema, (event) => takeTurn(event, sfn));
