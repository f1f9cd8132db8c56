import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { z } from "zod";
import { goals, predictions } from "../../bench/scale/predictions.ts";
import {
  checkGrowth,
  type Measurements,
  measurements,
  measurementsSchema,
} from "../../lambdas/planning/measurements.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { jobEnvironment } from "../toolchain/local-spark.ts";
import { places, root } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

const recordFile = join(root, "lambdas", "planning", "measured.json");
/** The model must predict the largest run of the features step this closely from the two smallest. */
const largestError = 0.2;

export const command = new Command("bench-scale")
  .description("measure the constants of the model of minutes and cost, and compare the model with this machine")
  .option("--json", "print one JSON object in place of the table", false)
  .option("--repeats <n>", "how often the features step is measured; the median counts (default 3)")
  .option("--quick", "small sizes: whether it works, not how fast it is", false)
  .option("--only <part...>", "these parts alone: growth, speedup, costs, preflight, inventory, rows")
  .option(
    "--write",
    "make the measured parts the constants of the model; on an idle machine, then `npm run docs`",
    false,
  )
  .action(({ json, write, ...options }) =>
    withLifetime(async (lifetime) => {
      if (write && options.quick) throw new CommandFailed("--write with --quick would make small sizes the constants.");
      const found = await measure(lifetime, options);
      const report = reportOf(found);
      process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${render(report)}\n`);
      if (write) writeFileSync(recordFile, `${JSON.stringify({ ...measurements, ...found }, null, 2)}\n`);
    }),
  );

interface Options {
  readonly repeats?: string | undefined;
  readonly quick: boolean;
  readonly only?: readonly string[] | undefined;
}

/** Runs the measurements in Python, which shows its progress on stderr. */
async function measure(lifetime: Lifetime, { repeats, quick, only }: Options): Promise<Partial<Measurements>> {
  const folder = mkdtempSync(join(tmpdir(), "orchard-scale-"));
  lifetime.defer(async () => rmSync(folder, { recursive: true, force: true }));
  const answer = join(folder, "found.json");
  const env = { ...childEnvironment("tool"), ...(await jobEnvironment(lifetime)) };
  const args = ["-m", "bench.scale", "--home", places.bench, "--model", places.model, "--answer", answer];
  if (repeats !== undefined) args.push("--repeats", repeats);
  if (quick) args.push("--quick");
  if (only !== undefined) args.push("--only", ...only);
  const { failed } = await runTool(lifetime, env.PYSPARK_PYTHON, args, { show: true, env });
  if (failed) throw new CommandFailed("The benchmark failed.");
  const document = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(answer, "utf8")));
  return measurementsSchema.partial().parse(document);
}

function reportOf(measured: Partial<Measurements>) {
  const check = measured.growth && checkGrowth(measured.growth);
  return {
    measured,
    check: check && { ...check, isMet: Math.abs(check.error) <= largestError },
    goals: goals(measured),
    predictions: predictions(),
  };
}

function render({ check, goals: all, predictions: table }: ReturnType<typeof reportOf>): string {
  const verdict = (isMet: boolean): string => (isMet ? "met" : "MISSED");
  const lines = all.map(({ name, value, bound, isMet }) => `${name}: ${value}, goal ${bound}, ${verdict(isMet)}`);
  if (check) {
    const { images, predictedSeconds, measuredSeconds, error, isMet } = check;
    lines.push(
      `${images} images: ${predictedSeconds.toFixed(1)} s predicted, ${measuredSeconds.toFixed(1)} s measured, ` +
        `${(100 * error).toFixed(0)} %, goal within ${100 * largestError} %, ${verdict(isMet)}`,
    );
  }
  for (const { images, nodes, minutes, minutesBetween, usd, bottleneck } of table) {
    const between = minutesBetween.map((one) => one.toFixed(0)).join(" to ");
    lines.push(`${images} images, ${nodes} nodes: ${minutes} min (${between}), ${usd} USD; ${bottleneck}`);
  }
  return lines.join("\n");
}
