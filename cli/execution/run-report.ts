import { gray, green, red, yellow } from "ansis";
import Table from "cli-table3";
import prettyMilliseconds from "pretty-ms";
import { z } from "zod";
import { isGone } from "../../lambdas/aws/cluster-states.ts";
import type { Mail } from "../account/mailbox-subscription.ts";
import type { StepLog } from "./download-run.ts";
import type { StateVisit } from "./state-visits.ts";
import type { Cluster } from "./watch-execution.ts";

const validationSchema = z.object({
  images: z.number(),
  labels: z.number(),
  errors: z.number(),
  computed: z.number().nullish(),
  reused: z.number().nullish(),
  components: z.number().nullish(),
  variance: z.number().nullish(),
  warnings: z.array(z.string()).default([]),
});

const keptSchema = z.object({ clusterId: z.string(), until: z.string(), usdPerHour: z.number() });

/** The parts of the state data (docs/contracts.md) that a person wants to see; a failed execution may have few. */
const dataSchema = z.object({
  plan: z
    .object({
      mode: z.string(),
      counts: z.object({ images: z.number(), labels: z.number() }),
      model: z.object({ weights: z.string() }),
      reuse: z.object({ run: z.string(), validation: validationSchema }).nullish(),
      borrowed: keptSchema.nullish(),
    })
    .optional(),
  validation: validationSchema.optional(),
  /** There is one as soon as the run has a cluster. */
  cluster: z.object({ id: z.string() }).optional(),
  kept: keptSchema.optional(),
});

/** The run whose results stand, as s3://bucket/runs/<runId>/, when nothing was new. */
export function reusedRun(data: Readonly<Record<string, unknown>>): string | null {
  return dataSchema.parse(data).plan?.reuse?.run ?? null;
}

/** The cluster that the run's steps went to, its own or a kept one. */
export function clusterUsed(data: Readonly<Record<string, unknown>>): string | null {
  return dataSchema.parse(data).cluster?.id ?? null;
}

export interface Report {
  readonly runId: string;
  readonly executionArn: string;
  readonly status: string;
  readonly mode: string | null;
  readonly weights: string | null;
  readonly images: number | null;
  readonly labels: number | null;
  readonly errors: number | null;
  /** Images whose features the run computed, and those whose it had from earlier runs. */
  readonly computed: number | null;
  readonly reused: number | null;
  /** The earlier run whose results stand, as an s3:// folder, when nothing was new. */
  readonly reusedRun: string | null;
  readonly components: number | null;
  /** Share of the variance that the components keep, 0 to 1. */
  readonly variance: number | null;
  readonly warnings: readonly string[];
  readonly states: readonly { name: string; seconds: number; failed: boolean; retries: number }[];
  readonly error: { readonly name: string; readonly cause: string; readonly log: StepLog | null } | null;
  readonly results: { readonly folder: string; readonly uri: string; readonly files: number };
  readonly mail: Mail | null;
  readonly cluster: (Cluster & { readonly terminated: boolean }) | null;
  /** The cluster that goes on after the run: kept by it, or borrowed. What it would cost on AWS, in US dollars. */
  readonly kept: z.output<typeof keptSchema> | null;
  readonly seconds: number;
}

export interface ReportParts {
  readonly runId: string;
  readonly executionArn: string;
  readonly status: string;
  readonly error: Report["error"];
  readonly data: Readonly<Record<string, unknown>>;
  readonly visits: readonly StateVisit[];
  readonly results: Report["results"];
  readonly mail: Mail | undefined;
  readonly cluster: Cluster | undefined;
  readonly seconds: number;
}

function secondsOf({ enteredAt, leftAt }: StateVisit): number {
  return leftAt ? (leftAt.getTime() - enteredAt.getTime()) / 1_000 : 0;
}

/** What a run came to, from the execution's state data, its history and the account. */
export function makeReport({ data, visits, cluster, mail, ...rest }: ReportParts): Report {
  const { plan, validation: own, kept, cluster: used } = dataSchema.parse(data);
  const reuse = plan?.reuse;
  const validation = own ?? reuse?.validation;
  // An earlier run computed what it computed; this one, nothing.
  const features = reuse ? { computed: 0, reused: reuse.validation.images + reuse.validation.errors } : validation;
  return {
    ...rest,
    mode: plan?.mode ?? null,
    weights: plan?.model.weights ?? null,
    images: validation?.images ?? plan?.counts.images ?? null,
    labels: validation?.labels ?? plan?.counts.labels ?? null,
    errors: validation?.errors ?? null,
    computed: features?.computed ?? null,
    reused: features?.reused ?? null,
    reusedRun: reuse?.run ?? null,
    components: validation?.components ?? null,
    variance: validation?.variance ?? null,
    warnings: validation?.warnings ?? [],
    states: visits.map((visit) => ({
      name: visit.name,
      seconds: secondsOf(visit),
      failed: visit.failed,
      retries: visit.retries,
    })),
    mail: mail ?? null,
    cluster: cluster ? { ...cluster, terminated: isGone(cluster.state) } : null,
    kept: kept ?? (used ? plan?.borrowed : undefined) ?? null,
  };
}

/** `8.9 s`, `2 m 1 s` */
export function duration(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : prettyMilliseconds(seconds * 1_000, { secondsDecimalDigits: 0 });
}

/** One state that was left, as a line. */
export function stateLine(visit: StateVisit): string {
  const retries = visit.retries > 0 ? ` (tried ${visit.retries + 1} times)` : "";
  const mark = visit.failed ? red("✖") : green("✔");
  return `${mark} ${visit.name} ${gray(duration(secondsOf(visit)))}${retries}`;
}

export const seededWarning =
  "The weights are SEEDED RANDOM NUMBERS, not ImageNet's: everything runs, but the features mean nothing. With a network, `npm run model -- --force` makes the real model.";

function clusterText({ cluster, kept, status }: Report): string {
  if (kept) {
    const until = `${status === "SUCCEEDED" ? "kept" : "goes on"} until ${kept.until}`;
    return yellow(`${kept.clusterId} ${until}, about ${kept.usdPerHour.toFixed(2)} USD an hour on AWS`);
  }
  if (!cluster) return "none was created";
  return cluster.terminated ? `${cluster.id} ${green(cluster.state)}` : red(`${cluster.id} ${cluster.state}`);
}

/**
 * The summary at the end, for a person.
 *
 * @param noMail what to say when the report has no mail
 */
export function renderReport(report: Report, noMail = yellow("! No notification arrived.")): string {
  const table = new Table({ style: { head: [], border: [] }, chars: noBorders });
  const succeeded = report.status === "SUCCEEDED";
  const row = (name: string, value: string | number | null): void => {
    if (value !== null) table.push([gray(name), String(value)]);
  };
  row("Run", `${report.runId} ${succeeded ? green(report.status) : red(report.status)}`);
  if (report.error) {
    row("Cause", red(`${report.error.name}: ${report.error.cause}`));
    row("Log", report.error.log && `${report.error.log.path}  (${report.error.log.uri})`);
  }
  row("Images", report.images?.toLocaleString("en") ?? null);
  row("Labels", report.labels);
  row("Errors", report.errors);
  if (report.reusedRun !== null) row("Nothing new", `the results of ${report.reusedRun} stand`);
  if (report.computed !== null) row("Features", `${report.computed} computed, ${report.reused} reused`);
  row("Components", report.components);
  row("Variance kept", report.variance === null ? null : `${(report.variance * 100).toFixed(2)} %`);
  for (const { name, seconds, failed } of report.states)
    row(name, `${duration(seconds)}${failed ? red(" failed") : ""}`);
  row("Results", report.results.files > 0 ? `${report.results.folder}  (${report.results.uri})` : null);
  row("Cluster", clusterText(report));
  if (report.kept && succeeded) {
    row("Run on it", `npm start -- --keep --force --cluster-id ${report.kept.clusterId}`);
    row("End it", "npm run local -- stop, or wait");
  }
  row("Total", duration(report.seconds));
  const warnings = report.warnings.map((warning) => yellow(`! ${warning}`));
  if (report.weights === "seeded") warnings.push(yellow(`! ${seededWarning}`));
  return [table.toString().replaceAll(/ +$/gm, ""), ...warnings, ...renderMail(report.mail, noMail)].join("\n");
}

function renderMail(mail: Mail | null, noMail: string): readonly string[] {
  if (!mail) return [noMail];
  const lines = [`Subject: ${mail.subject ?? ""}`, "", ...mail.message.trimEnd().split("\n")];
  return ["", gray("The notification, as a subscriber reads it:"), ...lines.map((line) => `${gray("│")} ${line}`)];
}

const noBorders = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
  ].map((part) => [part, ""]),
);
