import { z } from "zod";
import { knobSections } from "./knobs.ts";

const knobMetaSchema = z.object({
  description: z.string(),
  help: z.string(),
  defaultText: z.string().optional(),
  examples: z.tuple([z.unknown()]),
});

const introduction = `# Configuration

The knobs of a deployment. \`orchard deploy -c key=value\` sets one; \`--config <file>\` reads a JSON object of them,
and \`-c\` takes precedence over the file. A wrong knob is reported with its value and the allowed ones.

This page is generated from [infra/config/knobs.ts](../infra/config/knobs.ts) by \`npm run docs\`.
`;

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** The text about a knob, from the schema's metadata. */
export function describeKnob(schema: z.ZodType): z.output<typeof knobMetaSchema> {
  return knobMetaSchema.parse(schema.meta());
}

function row(knob: string, schema: z.ZodType): string {
  const { description, help, defaultText, examples } = describeKnob(schema);
  const value = schema.parse(undefined);
  const defaults = [value === undefined ? "" : code(value), defaultText ?? ""].filter((text) => text !== "");
  const cells = [`\`${knob}\``, help, defaults.join(": "), description, code(examples[0])];
  return `| ${cells.map(cell).join(" | ")} |`;
}

/** Renders docs/configuration.md, with a table for each section of knobs. */
export function renderConfigurationReference(): string {
  const sections = Object.entries(knobSections).map(([title, knobs]) =>
    [
      `## ${title}\n`,
      "| Knob | Purpose | Default | Allowed | Example |",
      "| --- | --- | --- | --- | --- |",
      ...Object.entries<z.ZodType>(knobs).map(([knob, schema]) => row(knob, schema)),
      "",
    ].join("\n"),
  );
  return [introduction, ...sections].join("\n");
}
