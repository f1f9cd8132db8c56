import { Command } from "@commander-js/extra-typings";
import pMap from "p-map";
import { runIdTag } from "../../lambdas/contract/tags.ts";
import { type Billed, readBilledCosts, requireBills } from "../account/billed-costs.ts";
import { isOnEmbedded } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { listRuns, type Run } from "../execution/find-run.ts";
import { parseCount } from "../execution/input-options.ts";
import { renderStatus } from "../execution/render-report.ts";
import { type RunRecord, readRunRecord } from "../execution/run-record.ts";
import { groups } from "../terminal/command-groups.ts";
import { formatLocalTime } from "../terminal/format-duration.ts";
import { headerRow, renderColumns } from "../terminal/tables.ts";

const defaultLimit = 20;
const readsAtOnce = 8;

export const command = addTargetOptions(
  new Command("list")
    .helpGroup(groups.look)
    .summary("list runs with outcome, images, minutes and cost")
    .description("list the runs of the deployed stack, the newest first, with outcome, images, minutes and cost")
    .option("--limit <runs>", `show at most this many (default: ${defaultLimit})`, (text) =>
      parseCount("--limit", text),
    )
    .option("--billed", "add what AWS has billed, as Cost Explorer knows it a day later (0.01 USD a request)", false)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard list --limit 5"),
).action(async ({ limit = defaultLimit, billed: asksBills, json, ...chosen }) => {
  const target = await openChosenTarget(chosen);
  if (asksBills) requireBills(target);
  const { bucket, stateMachineArn } = await requireDeployment(target);
  const found: Run[] = [];
  let isCut = false;
  for await (const run of listRuns(target.clients.sfn, stateMachineArn)) {
    isCut = found.length === limit;
    if (isCut) break;
    found.push(run);
  }
  const runs = await pMap(
    found,
    async (run) => ({ run, record: await readRunRecord(target.clients, bucket, run.runId) }),
    { concurrency: readsAtOnce },
  );
  const earliest = found.at(-1);
  const bills = asksBills && earliest ? await readBilledCosts(earliest.startedAt) : undefined;
  const isEmbedded = isOnEmbedded(target);
  const rows = runs.map(({ run, record }) => ({
    ...summarize(run, record, isEmbedded),
    ...(bills ? { billed: bills.get(run.runId) ?? null } : {}),
  }));
  if (json) process.stdout.write(`${JSON.stringify({ runs: rows, more: isCut })}\n`);
  else process.stdout.write(`${render(rows, isEmbedded)}\n`);
  if (bills && rows.every(({ billed }) => !billed)) process.stderr.write(`${withoutBills}\n`);
  if (isCut && !json) process.stderr.write(`There are more: orchard list --limit ${2 * limit}\n`);
});

const withoutBills = `Cost Explorer knows no bill of these runs. It needs the cost allocation tag ${runIdTag}, which you activate in Billing, and a day (docs/aws.md).`;

/** A run in one line; the names are the columns of --json. */
interface RunSummary {
  readonly runId: string;
  readonly status: string;
  readonly mode: string | null;
  readonly images: number | null;
  /** Minutes from the start to the end, or until now. */
  readonly minutes: number;
  /** Cost of the cluster, not final while it is kept; null if unknown, and on this machine, where nothing is spent. */
  readonly usd: number | null;
  readonly quotedUsd: number | null;
  /** The bill from Cost Explorer, only with --billed; null when there is none (yet). */
  readonly billed?: Billed | null;
  readonly startedAt: string;
}

function summarize(run: Run, { plan, validation, cost }: RunRecord, isEmbedded: boolean): RunSummary {
  const seconds = ((run.endedAt ?? new Date()).getTime() - run.startedAt.getTime()) / 1_000;
  return {
    runId: run.runId,
    status: run.status ?? "UNKNOWN",
    mode: plan?.mode ?? null,
    images: validation?.images ?? plan?.counts.images ?? null,
    minutes: Math.round(seconds / 6) / 10,
    usd: isEmbedded ? null : (cost?.actualUsd ?? null),
    quotedUsd: plan?.estimate.usd ?? null,
    startedAt: run.startedAt.toISOString(),
  };
}

function render(rows: readonly RunSummary[], isEmbedded: boolean): string {
  if (rows.length === 0) return "There are no runs yet. Start one with: orchard run";
  const hasBills = rows.some(({ billed }) => billed !== undefined);
  const costs = [isEmbedded ? "ON AWS" : "USD", ...(hasBills ? ["BILLED"] : [])];
  const head = headerRow("RUN", "OUTCOME", "MODE", "IMAGES", "MINUTES", ...costs, "STARTED");
  const lines = rows.map(({ runId, status, mode, images, minutes, usd, quotedUsd, billed, startedAt }) => [
    runId,
    renderStatus(status),
    mode ?? "",
    images?.toLocaleString("en") ?? "",
    minutes.toFixed(1),
    isEmbedded ? describeQuote(quotedUsd) : (usd?.toFixed(2) ?? ""),
    ...(hasBills ? [billed ? `${billed.amount.toFixed(2)} ${billed.currency}` : ""] : []),
    formatLocalTime(new Date(startedAt)),
  ]);
  return renderColumns([head, ...lines]);
}

function describeQuote(usd: number | null): string {
  return usd === null ? "" : `${usd.toFixed(2)} USD`;
}
