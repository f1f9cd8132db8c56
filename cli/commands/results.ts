import { join, relative } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import prettyBytes from "pretty-bytes";
import { formats } from "../../lambdas/contract/choices.ts";
import { referenceFolder } from "../../lambdas/contract/s3-layout.ts";
import { plural } from "../../shared/formatting.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { hasReference } from "../execution/check-results.ts";
import { fetchReport } from "../execution/fetch-report.ts";
import { fetchResults } from "../execution/fetch-results.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { readPreview, renderPreview } from "../execution/preview-results.ts";
import { readRun } from "../execution/read-run.ts";
import { groups } from "../terminal/command-groups.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { openPage } from "../terminal/open-page.ts";
import { resolveFromUser } from "../toolchain/local-spark.ts";

export const command = addTargetOptions(
  new Command("results")
    .helpGroup(groups.look)
    .summary("download the results of a run, and show their beginning")
    .description(
      "copy the results of a run, check them against its manifest, and show the beginning of the PCA; a copy that was interrupted goes on",
    )
    .argument("[run]", runArgument, "latest")
    .option("--output <folder>", "where to copy them (default: results/<run id>)")
    .addOption(
      new Option("--format <format>", "copy features and PCA in this format only (default: both)").choices(formats),
    )
    .addOption(
      new Option("--open", "copy the page about the run alone, and open it in the browser; with --json, only copy it")
        .default(false)
        .conflicts("format"),
    )
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExamples:\n  orchard results latest --open\n  orchard results latest --format parquet"),
).action((text, { output, format, open, json, ...chosen }) =>
  withLifetime(async (lifetime) => {
    const target = await openChosenTarget(chosen);
    const deployed = await requireDeployment(target);
    const found = await findRun(target.clients.sfn, deployed.stateMachineArn, text);
    const run = await readRun(target.clients, deployed, found, false);
    const { report } = run;
    const folder = resolveFromUser(output ?? join("results", report.runId));
    if (open) {
      const page = await fetchReport(lifetime, target.clients, run, folder);
      process.stdout.write(json ? `${JSON.stringify({ runId: report.runId, page })}\n` : `${await openPage(page)}\n`);
      return;
    }
    const wanted = format === undefined ? formats : [format];
    const wish = { folder, wanted, quiet: json };
    const { copied, manifest } = await fetchResults(lifetime, target.clients, report, wish);
    const preview = await readPreview(folder);
    const { runId, results, images, components } = report;
    if (json) {
      const { uri } = results;
      process.stdout.write(`${JSON.stringify({ runId, uri, folder, ...copied, images, components, ...preview })}\n`);
      return;
    }
    const before = copied.unchanged > 0 ? `, ${copied.unchanged} of them from an earlier copy` : "";
    const summary = `${plural(copied.files, "file")} (${prettyBytes(copied.bytes)}) in ${relative(process.cwd(), folder) || "."}${before}`;
    const shown = renderPreview(preview, manifest.plan.input);
    const reference = hasReference(manifest)
      ? `${referenceFolder}/ names the rows of the features store that have the features of reused images\n`
      : "";
    process.stdout.write(`${summary}\n${reference}${shown === "" ? "" : `\n${shown}\n`}`);
  }),
);
