import { Command } from "@commander-js/extra-typings";
import prettyBytes from "pretty-bytes";
import { plural } from "../../shared/formatting.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { bucketParts } from "../cleaning/bucket-parts.ts";
import {
  type Account,
  isEmptyPortion,
  listPortions,
  type Part,
  type Portion,
  parts,
  planCleaning,
} from "../cleaning/clean-plan.ts";
import { cleanUp, requireNoNewRun } from "../cleaning/clean-up.ts";
import { readDeployment, requireDeployment } from "../deployment/deployed-stacks.ts";
import { Refused, UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { chooseSome, hasTerminal, requireConfirmed, requireTerminal, requireTyped } from "../terminal/confirm.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { headerRow, renderColumns } from "../terminal/tables.ts";

const partNames = Object.keys(parts) as Part[];
const refusal = "Nothing was deleted.";

export const command = addTargetOptions(
  new Command("clean")
    .helpGroup(groups.stop)
    .summary("delete clusters, outputs, logs, features, local files")
    .description("show what can be deleted and how much it is, ask, delete it, and check that it is gone")
    .option(parts.clusters.option, parts.clusters.help, false)
    .option(parts.outputs.option, parts.outputs.help, false)
    .option(parts.logs.option, parts.logs.help, false)
    .option(parts.store.option, parts.store.help, false)
    .option(parts.localFiles.option, parts.localFiles.help, false)
    .option(parts.inputs.option, parts.inputs.help, false)
    .option("--confirm-bucket <name>", "with --inputs: the bucket's name, in place of typing it")
    .option("--older-than <age>", "only what was written before, such as 30d, 12h or 2w", parseAge)
    .option("--dry-run", "show what would be deleted, and delete nothing", false)
    .option("-y, --yes", "do not ask", false)
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard clean --outputs --logs --older-than 30d"),
).action((options) => withLifetime((lifetime) => clean(lifetime, options)));

interface CleanOptions extends TargetOptions, Readonly<Partial<Record<Part, boolean>>> {
  readonly confirmBucket?: string | undefined;
  readonly olderThan?: number | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

async function clean(lifetime: Lifetime, options: CleanOptions): Promise<void> {
  const { confirmBucket, olderThan, dryRun, yes, json } = options;
  const chosen = await choose(lifetime, options);
  if (!dryRun) requireTerminal(yes);
  const account = chosen.some((part) => part !== "localFiles") ? await openAccount(options, chosen) : undefined;
  const before = olderThan === undefined ? undefined : new Date(Date.now() - olderThan);
  const plan = await planCleaning(account, chosen, before);
  const portions = listPortions(plan);
  const isOver = dryRun || portions.every(isEmptyPortion);
  if (!json) process.stdout.write(`${render(portions)}\n`);
  if (!isOver) {
    const bucket = account?.deployment?.bucket ?? "";
    if (chosen.includes("inputs")) {
      const how = { typed: confirmBucket, option: "--confirm-bucket", refusal };
      await requireTyped(lifetime, `This deletes input images. Type the bucket's name, ${bucket}:`, bucket, how);
    }
    await requireConfirmed(lifetime, "Delete this?", yes, refusal);
    if (account) await requireNoNewRun(account, plan);
    await cleanUp(lifetime, account, plan, json);
  }
  const { bucket = null } = account?.deployment ?? {};
  if (json) process.stdout.write(`${JSON.stringify({ bucket, before: before ?? null, portions, deleted: !isOver })}\n`);
  else if (!isOver) process.stdout.write("All of this is gone.\n");
  else process.stdout.write(`${dryRun ? refusal : "There is nothing to delete."}\n`);
}

/** @throws UsageError when no option says what to delete, and nobody can be asked */
async function choose(lifetime: Lifetime, options: CleanOptions): Promise<readonly Part[]> {
  const given = partNames.filter((part) => options[part]);
  if (given.length > 0) return given;
  const offered = partNames.filter((part) => part !== "inputs");
  if (!hasTerminal()) {
    throw new UsageError(`Say what to delete: ${offered.map((part) => parts[part].option).join(", ")} or --inputs.`);
  }
  const choices = offered.map((part) => ({ value: part, name: `${titleOf(part)}: ${parts[part].help}` }));
  const some = await chooseSome(lifetime, "What is to be deleted?", choices);
  if (some.length === 0) throw new Refused(refusal);
  return some;
}

function titleOf(part: Part): string {
  return parts[part].option.slice(2).replace("-", " ");
}

/** Opens the account. Only parts of the bucket need a deployment, because clusters may be left without one. */
async function openAccount(options: TargetOptions, chosen: readonly Part[]): Promise<Account> {
  const target = await openChosenTarget(options);
  const needsBucket = bucketParts.some((part) => chosen.includes(part));
  const deployment = needsBucket ? await requireDeployment(target) : await readDeployment(target.clients);
  return { clients: target.clients, deployment };
}

const ageUnits = { h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** @returns milliseconds @throws UsageError */
function parseAge(text: string): number {
  const [, count, unit] = /^(\d+)([hdw])$/.exec(text) ?? [];
  if (count === undefined || (unit !== "h" && unit !== "d" && unit !== "w")) {
    throw new UsageError(`--older-than must be hours, days or weeks, such as 12h, 30d or 2w, not "${text}".`);
  }
  return Number(count) * ageUnits[unit];
}

function render(portions: readonly Portion[]): string {
  const rows = portions.map((portion) => [titleOf(portion.part), countsOf(portion), prettyBytes(portion.bytes)]);
  const kept = new Set(portions.flatMap((portion) => portion.kept));
  return [
    renderColumns([headerRow("DELETE", "NUMBER", "SIZE"), ...rows]),
    ...[...kept].map((text) => `Stays: ${text}`),
  ].join("\n");
}

function countsOf({ part, names, objects, versions }: Portion): string {
  if (part === "clusters") return names.join(", ") || "none";
  const isLocal = part === "localFiles";
  const counts = [plural(objects, isLocal ? "file" : "object")];
  if (names.length > 0) counts.unshift(plural(names.length, isLocal ? "folder" : "run"));
  if (versions > objects) counts.push(plural(versions, "version"));
  return counts.join(", ");
}
