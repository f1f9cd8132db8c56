import { Command } from "@commander-js/extra-typings";
import pMap from "p-map";
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
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard list --limit 5"),
).action(async ({ limit = defaultLimit, json, ...chosen }) => {
  const target = await openChosenTarget(chosen);
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
  const rows = runs.map(({ run, record }) => summarize(run, record));
  if (json) process.stdout.write(`${JSON.stringify({ runs: rows, more: isCut })}\n`);
  else process.stdout.write(`${render(rows)}\n`);
  if (isCut && !json) process.stderr.write(`There are more: orchard list --limit ${2 * limit}\n`);
});

/** A run in one line; the names are the columns of --json. */
interface RunSummary {
  readonly runId: string;
  readonly status: string;
  readonly mode: string | null;
  readonly images: number | null;
  /** Minutes from the start to the end, or until now. */
  readonly minutes: number;
  /** Cost of the cluster, so far if it is kept; null when it is not known. */
  readonly usd: number | null;
  readonly quotedUsd: number | null;
  readonly startedAt: string;
}

function summarize(run: Run, { plan, validation, cost }: RunRecord): RunSummary {
  const seconds = ((run.endedAt ?? new Date()).getTime() - run.startedAt.getTime()) / 1_000;
  return {
    runId: run.runId,
    status: run.status ?? "UNKNOWN",
    mode: plan?.mode ?? null,
    images: validation?.images ?? plan?.counts.images ?? null,
    minutes: Math.round(seconds / 6) / 10,
    usd: cost?.actualUsd ?? null,
    quotedUsd: plan?.estimate.usd ?? null,
    startedAt: run.startedAt.toISOString(),
  };
}

function render(rows: readonly RunSummary[]): string {
  if (rows.length === 0) return "There are no runs yet. Start one with: orchard run";
  const head = headerRow("RUN", "OUTCOME", "MODE", "IMAGES", "MINUTES", "USD", "STARTED");
  const lines = rows.map(({ runId, status, mode, images, minutes, usd, startedAt }) => [
    runId,
    renderStatus(status),
    mode ?? "",
    images?.toLocaleString("en") ?? "",
    minutes.toFixed(1),
    usd?.toFixed(2) ?? "",
    formatLocalTime(new Date(startedAt)),
  ]);
  return renderColumns([head, ...lines]);
}
