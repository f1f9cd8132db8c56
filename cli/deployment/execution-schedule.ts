// The schedule that a deployment with the knob scheduleExpression has.
import { GetScheduleCommand, type SchedulerClient, UpdateScheduleCommand } from "@aws-sdk/client-scheduler";
import { z } from "zod";
import { isNamed } from "../../lambdas/aws/errors.ts";
import type { Clients } from "../account/aws-clients.ts";
import { NotFound, UsageError } from "../terminal/command-errors.ts";
import { listResources } from "./delete-stacks.ts";
import { stackName } from "./deployed-stacks.ts";

/** The settings of a schedule that can be changed; the names are those of --json. */
export interface ScheduleSettings {
  readonly state: "ENABLED" | "DISABLED";
  readonly expression: string;
  readonly timeZone: string;
  /** The execution input, with `overlap`. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** The call of StartExecution, as infra/constructs/schedule.ts writes it. */
const callSchema = z.object({ StateMachineArn: z.string(), Name: z.string(), Input: z.string() });
const inputSchema = z.record(z.string(), z.unknown());

/** @throws NotFound when the stack was deployed without a schedule */
export async function findSchedule(clients: Clients): Promise<string> {
  const resources = await listResources(clients, { StackName: stackName });
  const name = resources.find(({ ResourceType }) => ResourceType === "AWS::Scheduler::Schedule")?.PhysicalResourceId;
  if (name !== undefined) return name;
  throw new NotFound(
    `The stack ${stackName} has no schedule. Deploy one, with your other settings: orchard deploy -c 'scheduleExpression=cron(0 3 ? * MON *)' -c 'scheduleInput={"mode":"full"}'`,
  );
}

async function getSchedule(scheduler: SchedulerClient, Name: string) {
  const {
    $metadata: _,
    Arn: _arn,
    CreationDate,
    LastModificationDate,
    ...schedule
  } = await scheduler.send(new GetScheduleCommand({ Name }));
  return { schedule, call: callSchema.parse(JSON.parse(schedule.Target?.Input ?? "{}")) };
}

export async function readSchedule(scheduler: SchedulerClient, name: string): Promise<ScheduleSettings> {
  const { schedule, call } = await getSchedule(scheduler, name);
  return {
    state: schedule.State === "DISABLED" ? "DISABLED" : "ENABLED",
    expression: schedule.ScheduleExpression ?? "",
    timeZone: schedule.ScheduleExpressionTimezone ?? "UTC",
    input: inputSchema.parse(JSON.parse(call.Input)),
  };
}

/**
 * Changes these settings of a schedule and sends the others unchanged, because UpdateSchedule resets all that are left out.
 *
 * @throws UsageError when Scheduler refuses the settings; then nothing was changed
 */
export async function changeSchedule(
  scheduler: SchedulerClient,
  name: string,
  { state, expression, timeZone, input }: ScheduleSettings,
): Promise<void> {
  const { schedule, call } = await getSchedule(scheduler, name);
  const changed = new UpdateScheduleCommand({
    ...schedule,
    Name: name,
    FlexibleTimeWindow: schedule.FlexibleTimeWindow,
    State: state,
    ScheduleExpression: expression,
    ScheduleExpressionTimezone: timeZone,
    Target: {
      Arn: schedule.Target?.Arn,
      RoleArn: schedule.Target?.RoleArn,
      ...schedule.Target,
      Input: JSON.stringify({ ...call, Input: JSON.stringify(input) }),
    },
  });
  try {
    await scheduler.send(changed);
  } catch (error) {
    if (isNamed(error, "ValidationException")) throw new UsageError(`Scheduler refuses this: ${error.message}`);
    throw error;
  }
}
