import {
  DescribeExecutionCommand,
  type ExecutionListItem,
  type ExecutionStatus,
  paginateListExecutions,
  type SFNClient,
} from "@aws-sdk/client-sfn";
import { distance } from "fastest-levenshtein";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { executionArnPrefix } from "../../lambdas/contract/arns.ts";
import { NotFound, UsageError } from "../terminal/command-errors.ts";

/** An execution of the deployed state machine. */
export interface Run {
  readonly runId: string;
  readonly arn: string;
  /** RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE. */
  readonly status: ExecutionStatus | undefined;
  readonly startedAt: Date;
  /** Undefined while it is running. */
  readonly endedAt: Date | undefined;
}

/** Tells in the help of a command how to name a run. */
export const runArgument = "name of the execution, the beginning of one, or: latest";
const namedAtMost = 5;

/** Lists the runs of a state machine, the newest first. Step Functions forgets them 90 days after their end. */
export async function* listRuns(sfn: SFNClient, stateMachineArn: string): AsyncGenerator<Run> {
  for await (const { executions = [] } of paginateListExecutions({ client: sfn }, { stateMachineArn })) {
    yield* executions.map(toRun);
  }
}

/**
 * Finds a run by its name, by the beginning of its name, or by "latest".
 *
 * @throws NotFound with the most similar names, UsageError when several names have this beginning
 */
export async function findRun(sfn: SFNClient, stateMachineArn: string, text: string): Promise<Run> {
  const exact = text === "latest" ? undefined : await describeRun(sfn, `${executionArnPrefix(stateMachineArn)}${text}`);
  if (exact) return exact;
  const names: string[] = [];
  const found: Run[] = [];
  for await (const run of listRuns(sfn, stateMachineArn)) {
    if (text === "latest") return run;
    names.push(run.runId);
    if (run.runId.startsWith(text)) found.push(run);
  }
  const [only, ...others] = found;
  if (only && others.length === 0) return only;
  if (only) throw new UsageError(`Several runs begin with ${text}: ${describeSome(found.map(({ runId }) => runId))}`);
  if (names.length === 0) throw new NotFound("There are no runs yet. Start one with: orchard run");
  const nearest = names.toSorted((a, b) => distance(a, text) - distance(b, text));
  throw new NotFound(`There is no run ${text}. Did you mean ${describeSome(nearest)}? All of them: orchard list`);
}

function describeSome(names: readonly string[]): string {
  const more = names.length > namedAtMost ? `, and ${names.length - namedAtMost} more` : "";
  return `${names.slice(0, namedAtMost).join(", ")}${more}`;
}

async function describeRun(sfn: SFNClient, executionArn: string): Promise<Run | undefined> {
  try {
    return toRun(await sfn.send(new DescribeExecutionCommand({ executionArn })));
  } catch (error) {
    // InvalidArn and ValidationException are the answers to a name that no execution can have.
    if (isNamed(error, "ExecutionDoesNotExist", "InvalidArn", "ValidationException")) return undefined;
    throw error;
  }
}

type Described = Partial<Pick<ExecutionListItem, "name" | "executionArn" | "startDate" | "stopDate" | "status">>;

function toRun({ name = "", executionArn = "", status, startDate, stopDate }: Described): Run {
  return { runId: name, arn: executionArn, status, startedAt: startDate ?? new Date(0), endedAt: stopDate };
}
