import { Command } from "@commander-js/extra-typings";
import { bold, gray } from "ansis";
import type { z } from "zod";
import { describeKnob } from "../../infra/config/configuration-reference.ts";
import { knobSections } from "../../infra/config/knobs.ts";
import { createClients } from "../account/aws-clients.ts";
import { addTargetOptions, chooseAccount, type TargetOptions } from "../account/target-options.ts";
import { addConfigOptions, type ConfigOptions, readConfig } from "../deployment/config-options.ts";
import { type Layer, listLayers, listLocalLayers, mergeLayers, sourceOf } from "../deployment/config-sources.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { headerRow, renderColumns } from "../terminal/tables.ts";

export const command = addTargetOptions(
  addConfigOptions(
    new Command("config")
      .helpGroup(groups.look)
      .summary("show the configuration, and where each value comes from")
      .description("show the configuration that `orchard deploy` with the same options uses, and each value's source"),
  )
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", "\nExample:\n  orchard config --config orchard.config.json -c maxCostUsd=2.5"),
).action(async ({ json, ...options }) => {
  const isLocal = chooseAccount(options);
  if (isLocal) requireNoKnobs(options);
  const layers = isLocal ? listLocalLayers() : listLayers(options);
  const region = isLocal ? undefined : await findRegion(options);
  const config = readConfig(mergeLayers(layers), region?.value);
  const settings = listSettings(config, layers);
  if (json) process.stdout.write(`${JSON.stringify({ region: region ?? null, knobs: settings }, null, 2)}\n`);
  else process.stdout.write(`${render(region, settings)}\n`);
});

function requireNoKnobs({ email, config, context }: ConfigOptions): void {
  if (email === undefined && config === undefined && context === undefined) return;
  throw new UsageError(
    "The configuration of the account on this machine is fixed: leave --email, --config and -c out, or --local (ORCHARD_LOCAL).",
  );
}

interface Sourced {
  readonly value: string;
  readonly source: string;
}

/** The region decides which knobs are allowed. */
async function findRegion(options: TargetOptions): Promise<Sourced | undefined> {
  const variable = ["AWS_REGION", "AWS_DEFAULT_REGION"].find((name) => process.env[name]);
  const value = await createClients()
    .sts.config.region()
    .catch((error: unknown) => {
      // The SDK throws this plain Error without a region. The configuration is then checked for any region, as by the CDK.
      if (error instanceof Error && error.message === "Region is missing") return undefined;
      throw error;
    });
  if (value === undefined) return undefined;
  return { value, source: options.region === undefined ? (variable ?? "~/.aws/config") : "--region" };
}

/** A knob with its value; the names are the columns of --json. */
interface Setting {
  readonly knob: string;
  readonly section: string;
  /** Null when the knob has no value. */
  readonly value: unknown;
  readonly source: string;
  readonly purpose: string;
  readonly allowed: string;
  /** Explains the behavior without a value; null if the knob has nothing to explain. */
  readonly defaultText: string | null;
}

function listSettings(config: Readonly<Record<string, unknown>>, layers: readonly Layer[]): readonly Setting[] {
  return Object.entries(knobSections).flatMap(([section, knobs]) =>
    Object.entries<z.ZodType>(knobs).map(([knob, schema]) => {
      const { help, description, defaultText = null } = describeKnob(schema);
      return {
        knob,
        section,
        value: config[knob] ?? null,
        source: sourceOf(layers, knob) ?? "default",
        purpose: help,
        allowed: description,
        defaultText,
      };
    }),
  );
}

function render(region: Sourced | undefined, settings: readonly Setting[]): string {
  const titles = [...new Set(settings.map(({ section }) => section))];
  const rows = titles.flatMap((title) => [
    [bold(title)],
    ...settings
      .filter(({ section }) => section === title)
      .map((setting) => [`  ${setting.knob}`, setting.source, renderValue(setting)]),
  ]);
  const place = region === undefined ? "any, because none is set" : `${region.value} (${region.source})`;
  return `Region: ${place}\n\n${renderColumns([headerRow("KNOB", "SOURCE", "VALUE"), ...rows])}`;
}

/** Shows a value, or the text of docs/configuration.md about the behavior without one. */
function renderValue({ value, defaultText }: Setting): string {
  if (value === null) return gray(`(${(defaultText ?? "none").replaceAll("`", "")})`);
  return typeof value === "string" ? value : JSON.stringify(value);
}
