import { join, relative } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { parseS3Uri } from "../../lambdas/aws/s3.ts";
import { formats } from "../../lambdas/contract/choices.ts";
import { modeProperties } from "../../lambdas/contract/modes.ts";
import { manifestFile } from "../../lambdas/contract/s3-layout.ts";
import type { Clients } from "../account/aws-clients.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { type Format, manifestSchema } from "../execution/check-results.ts";
import { readJson } from "../execution/download-run.ts";
import { fetchResults } from "../execution/fetch-results.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { parsePort } from "../execution/input-options.ts";
import { readRun } from "../execution/read-run.ts";
import type { Report } from "../execution/run-report.ts";
import { installJupyterLab, runCells, serveNotebook } from "../notebook/jupyterlab.ts";
import { hasOutput, isNotebookOf, writeNotebook } from "../notebook/notebook-file.ts";
import { choosePort } from "../terminal/choose-port.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { runSteps } from "../terminal/progress-steps.ts";
import { fromPerson, personsFolder } from "../toolchain/places.ts";

export const command = addTargetOptions(
  new Command("notebook")
    .helpGroup(groups.look)
    .summary("open a notebook with the results of a run")
    .description(
      "copy the results of a run, write a notebook that shows them, and open it in JupyterLab, until Ctrl-C. JupyterLab is installed on first use. A notebook that is there stays as it is",
    )
    .argument("[run]", runArgument, "latest")
    .option("--output <file>", "the notebook (default: <run id>.ipynb)")
    .option("--no-open", "only write the notebook, without JupyterLab and without running its cells")
    .option("--force", "replace the notebook that is there", false)
    .option("--port <port>", "port on 127.0.0.1 (default: a free one)", parsePort)
    .option("--json", "print one JSON object and nothing else, once the page can be opened", false)
    .addHelpText("after", "\nExample:\n  orchard notebook latest --no-open"),
).action((text, { output, open, force, port: wantedPort, json, ...chosen }) =>
  withLifetime(async (lifetime) => {
    const port = open ? await choosePort(wantedPort) : undefined;
    const target = await openChosenTarget(chosen);
    const deployed = await requireDeployment(target);
    const run = await findRun(target.clients.sfn, deployed.stateMachineArn, text);
    const { report } = await readRun(target.clients, deployed, run, false);
    const { runId, weights } = report;
    const file = fromPerson(output ?? `${runId}.ipynb`);
    if (!force) isNotebookOf(runId, file);
    const wanted = await chooseFormats(target.clients, report);
    const results = fromPerson(join("results", runId));
    await fetchResults(lifetime, target.clients, report, { folder: results, wanted, quiet: json });
    const written = await writeNotebook({ file, results, force, runId, isSeeded: weights === "seeded" });
    const shown = relative(personsFolder(), file);
    if (!json && !written) process.stderr.write(`${shown} stays as it is; --force replaces it.\n`);
    const printed = { runId, notebook: file, results, written };
    if (port === undefined) {
      process.stdout.write(json ? `${JSON.stringify({ ...printed, url: null })}\n` : `${shown}\n`);
      return;
    }
    const { url, closed } = await openNotebook(lifetime, file, { port, quiet: json });
    process.stdout.write(json ? `${JSON.stringify({ ...printed, url })}\n` : `${url}\n`);
    if (!json)
      process.stderr.write("Ctrl-C ends JupyterLab. It saves the notebook every two minutes, and at Ctrl-S.\n");
    await closed;
    if (!lifetime.interrupted) throw new CommandFailed("JupyterLab has ended.");
  }),
);

async function openNotebook(
  lifetime: Lifetime,
  file: string,
  { port, quiet }: { readonly port: number; readonly quiet: boolean },
) {
  await installJupyterLab(lifetime, file);
  const execution = { title: "Cells of the notebook", run: () => runCells(lifetime, file) };
  // Also run the cells of a notebook that a failed or interrupted command has left without output.
  if (!hasOutput(file)) await runSteps(lifetime, [execution], quiet);
  return serveNotebook(lifetime, file, port);
}

/**
 * Chooses one format to copy, if the run's manifest can be read.
 *
 * @throws UsageError when the run has no PCA
 */
async function chooseFormats(clients: Clients, { runId, results: { uri } }: Report): Promise<readonly Format[]> {
  const { bucket, key } = parseS3Uri(uri);
  const { plan } = manifestSchema.safeParse(await readJson(clients, bucket, `${key}${manifestFile}`)).data ?? {};
  if (!plan) return formats;
  if (modeProperties(plan.mode).computesFeatures) return plan.formats.slice(0, 1);
  throw new UsageError(
    `The run ${runId} has the mode ${plan.mode}, so it has no components to show. Choose another one: orchard list`,
  );
}
