import { isDeepStrictEqual } from "node:util";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { Command, Option } from "@commander-js/extra-typings";
import { timeZone as timeZoneSchema } from "../../infra/config/coercions.ts";
import { allowedExpressions, expressionProblem, isOver } from "../../infra/config/schedule-expression.ts";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { costBounds, maxKeepMinutesBound } from "../../lambdas/contract/input.ts";
import { parseInput } from "../../lambdas/preflight/parse-input.ts";
import { clientSettings } from "../account/aws-clients.ts";
import { clientEnvironment } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { type DeployedStack, requireDeployment } from "../deployment/deployed-stacks.ts";
import { changeSchedule, findSchedule, readSchedule, type ScheduleSettings } from "../deployment/execution-schedule.ts";
import { type InputOptions, makeExecutionInput } from "../execution/execution-input.ts";
import { addInputOptions } from "../execution/input-options.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { requireConfirmed } from "../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { renderFields } from "../terminal/tables.ts";

export const command = addTargetOptions(
  addInputOptions(
    new Command("schedule")
      .helpGroup(groups.setUp)
      .summary("show or change when runs start by themselves")
      .description(
        "show the schedule of the deployed stack, or change what the options name; --mode and the like give a new input",
      )
      .addOption(new Option("--enable", "start runs at the scheduled times again").conflicts("disable"))
      .addOption(new Option("--disable", "start no runs until --enable"))
      .option("--expression <expression>", `when runs start: ${allowedExpressions}`, parseExpression)
      .option("--time-zone <zone>", "time zone of the expression, such as Europe/Paris", parseTimeZone)
      .option("-y, --yes", "do not ask", false)
      .option("--json", "print one JSON object and nothing else", false)
      .addHelpText(
        "after",
        "\nExample:\n  orchard schedule --expression 'cron(0 3 ? * MON *)' --time-zone Europe/Paris",
      ),
  ),
).action((options) => withLifetime((lifetime) => runSchedule(lifetime, options)));

interface ScheduleOptions extends TargetOptions, InputOptions {
  readonly enable?: true | undefined;
  readonly disable?: true | undefined;
  readonly expression?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly yes: boolean;
  readonly json: boolean;
}

async function runSchedule(
  lifetime: Lifetime,
  { yes, json, local, region, profile, enable, disable, expression, timeZone, ...given }: ScheduleOptions,
): Promise<void> {
  const hasInput = Object.values(given).some((value) => value !== undefined);
  const input = hasInput ? makeExecutionInput(given) : undefined;
  const target = await openChosenTarget({ local, region, profile });
  const deployed = await requireDeployment(target);
  if (input) requireValid(input, deployed);
  const name = await findSchedule(target.clients);
  const scheduler = new SchedulerClient(clientSettings(clientEnvironment(target)));
  const before = await readSchedule(scheduler, name);
  const after: ScheduleSettings = {
    state: enable ? "ENABLED" : disable ? "DISABLED" : before.state,
    expression: expression ?? before.expression,
    timeZone: timeZone ?? before.timeZone,
    input: input ? { overlap: before.input["overlap"], ...input } : before.input,
  };
  const changed = !isDeepStrictEqual(after, before);
  if (changed) {
    requireFuture(after);
    if (!json) process.stdout.write(`${render(name, before, after)}\n`);
    await requireConfirmed(lifetime, "Apply this change to the schedule?", yes, "Nothing was changed.");
    await changeSchedule(scheduler, name, after);
  }
  const now = changed ? await readSchedule(scheduler, name) : before;
  if (json) process.stdout.write(`${JSON.stringify({ name, changed, ...now })}\n`);
  else process.stdout.write(changed ? "The schedule is changed.\n" : `${render(name, now, now)}\n`);
}

function parseExpression(text: string): string {
  const problem = expressionProblem(text);
  if (problem === undefined) return text;
  throw new UsageError(`--expression is "${text}": ${problem}. Allowed are ${allowedExpressions}.`);
}

function parseTimeZone(text: string): string {
  if (timeZoneSchema.safeParse(text).success) return text;
  throw new UsageError(`--time-zone must be an IANA time zone, such as Europe/Paris, not "${text}".`);
}

/** @throws UsageError for an input that Preflight would refuse, apart from the stack's own limits */
function requireValid(input: unknown, { bucket, inputPrefix }: DeployedStack): void {
  try {
    parseInput(input, { bucket, inputPrefix, maxCostUsd: costBounds.max, maxKeepMinutes: maxKeepMinutesBound });
  } catch (error) {
    if (isNamed(error, "InvalidInput")) throw new UsageError(error.message);
    throw error;
  }
}

function requireFuture({ state, expression, timeZone }: ScheduleSettings): void {
  if (state === "DISABLED" || !isOver(expression, timeZone, new Date())) return;
  throw new UsageError(
    `${expression} in ${timeZone} is over, so nothing would start. Give a later time with --expression.`,
  );
}

function render(name: string, before: ScheduleSettings, after: ScheduleSettings): string {
  const field = (title: string, textOf: (settings: ScheduleSettings) => string): readonly [string, string] => {
    const [old, text] = [textOf(before), textOf(after)];
    return [title, old === text ? text : `${old} → ${text}`];
  };
  return renderFields([
    ["Schedule", name],
    field("State", ({ state }) => state),
    field("Expression", ({ expression }) => expression),
    field("Time zone", ({ timeZone }) => timeZone),
    field("Input", ({ input }) => JSON.stringify(input)),
  ]);
}
