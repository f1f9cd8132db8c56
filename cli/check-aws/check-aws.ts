// Deploys, plays the runs, compares the answers and removes everything.
import { join } from "node:path";
import type { Target } from "../account/deployment-target.ts";
import type { Dataset } from "../dataset/image-tree.ts";
import { compareImages, describeUpload, uploadImages } from "../dataset/upload-images.ts";
import type { Context } from "../deployment/cdk-command.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter, Step } from "../terminal/progress-steps.ts";
import { root } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";
import type { Ceiling } from "./ceiling.ts";
import type { Comparison } from "./compare.ts";
import type { Kind, Observation, Run, SkippedRun, Stage } from "./observation.ts";
import { play } from "./play.ts";

/** The knobs that make each kind of cluster. */
const knobs: Readonly<Record<Kind, Context>> = {
  x86: { architecture: "x86_64", market: "ON_DEMAND" },
  graviton: { architecture: "arm64", market: "ON_DEMAND" },
  spot: { architecture: "x86_64", market: "SPOT" },
  // With Spot, more roles use the volumes' key.
  encrypted: { architecture: "x86_64", market: "SPOT", encryptedVolumes: "true" },
};

const removalCommand = "npm run destroy -- --delete-data --stop-running";
const quotedLines = 15;

export interface Check {
  readonly target: Target;
  readonly kinds: readonly Kind[];
  readonly runs: readonly Run[];
  readonly dataset: Dataset;
  readonly ceiling: Ceiling;
  /** Further knobs of the deployment. */
  readonly context: Context;
  readonly pollMilliseconds: number;
}

/** Collects the results of the check while it runs. */
export interface Findings {
  readonly observations: Observation[];
  readonly comparisons: Comparison[];
  readonly skipped: SkippedRun[];
  removal: string;
}

/** Runs another command of the command line, without questions. @throws CommandFailed with its last lines */
async function orchard(lifetime: Lifetime, args: readonly string[]): Promise<void> {
  const env = childEnvironment("account");
  const { failed, output } = await runTool(lifetime, process.execPath, [join(root, "cli", "main.ts"), ...args], {
    env,
  });
  if (!failed) return;
  throw new CommandFailed(`${args[0]} failed:\n${output.trimEnd().split("\n").slice(-quotedLines).join("\n")}`);
}

function deployment(kind: Kind, stage: Stage, answered: string, expected: string): Comparison {
  return { assumption: "A15", kind, stage, aspect: "the stacks", expected, answered, same: answered === expected };
}

/** Removes the stacks and the data. A lifetime of its own lets it run after an interruption, too. */
async function destroy(kind: Kind, findings: Findings): Promise<void> {
  const lifetime = new Lifetime();
  try {
    await orchard(lifetime, ["destroy", "--yes", "--delete-data", "--stop-running", "--json"]);
    findings.removal = "The stacks and the data are deleted; CDKToolkit stays.";
    findings.comparisons.push(deployment(kind, "destroy", "deleted", "deleted"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    findings.removal = `Something may still exist. Run: ${removalCommand}\n${reason}`;
    findings.comparisons.push(deployment(kind, "destroy", reason, "deleted"));
    throw new CommandFailed(findings.removal);
  } finally {
    await lifetime.close();
  }
}

async function deploy(lifetime: Lifetime, kind: Kind, { context }: Check, findings: Findings): Promise<void> {
  // The runs do not need the budget of the guardrails.
  const given = { ...knobs[kind], guardrails: "false", ...context };
  const options = Object.entries(given).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  try {
    await orchard(lifetime, ["deploy", "--yes", "--json", ...options]);
    findings.comparisons.push(deployment(kind, "deploy", "deployed", "deployed"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!lifetime.interrupted) findings.comparisons.push(deployment(kind, "deploy", reason, "deployed"));
    throw error;
  }
}

async function upload(lifetime: Lifetime, { target, dataset }: Check, reporter: Reporter): Promise<void> {
  const uploadTarget = { clients: target.clients, deployment: await requireDeployment(target) };
  const plan = await compareImages(uploadTarget, dataset, reporter);
  const wish = { dataset, plan, remove: false };
  await uploadImages(lifetime, uploadTarget, wish, reporter);
  reporter.title(describeUpload(uploadTarget, wish));
}

async function playRun(lifetime: Lifetime, kind: Kind, run: Run, check: Check, found: Findings, reporter: Reporter) {
  const { target, ceiling, pollMilliseconds } = check;
  const deployed = { clients: target.clients, ...(await requireDeployment(target)) };
  const stage = { lifetime, deployed, kind, ceiling, pollMilliseconds, log: reporter.line };
  const { observations, comparisons, skipped } = await play(stage, run);
  found.observations.push(...observations);
  found.comparisons.push(...comparisons);
  found.skipped.push(...skipped);
  for (const { reason } of skipped) reporter.line(`not run: ${reason}`);
  const differences = comparisons.filter(({ same }) => !same).length;
  reporter.title(`${kind}: ${run}: ${comparisons.length} answers compared, ${differences} differ`);
}

/**
 * The steps of the check. The removal is registered before the deployment, so that a failure or an interruption removes
 * everything, too; the last step does so before the report is written.
 */
export function checkSteps(lifetime: Lifetime, check: Check, findings: Findings): readonly Step[] {
  const { kinds, runs } = check;
  const last = kinds.at(-1) ?? "x86";
  const warn = (): void => void process.stderr.write(`Something may still exist. Run: ${removalCommand}\n`);
  let remove = async (): Promise<void> => undefined;
  const prepare = async (): Promise<void> => {
    remove = lifetime.defer(() => destroy(last, findings), warn);
  };
  return [
    { title: "Removal is prepared", run: prepare },
    ...kinds.flatMap((kind, index) => [
      { title: `${kind}: deploy`, run: () => deploy(lifetime, kind, check, findings) },
      ...(index === 0 ? [{ title: "Images", run: (reporter: Reporter) => upload(lifetime, check, reporter) }] : []),
      ...runs.map((run) => ({
        title: `${kind}: ${run}`,
        run: (reporter: Reporter) => playRun(lifetime, kind, run, check, findings, reporter),
      })),
    ]),
    { title: "Destroy", run: () => remove() },
  ];
}
