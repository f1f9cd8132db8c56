import { expect, it } from "vitest";
import type { z } from "zod";
import { configSchema, knobSections } from "../../../infra/config/knobs.ts";

const knobs = Object.entries<z.ZodType>(configSchema.shape);

it("documents every knob in exactly one section", () => {
  const documented = Object.values(knobSections).flatMap((section) => Object.keys(section));

  expect(documented.sort()).toEqual(knobs.map(([knob]) => knob).sort());
});

it.each(knobs)("accepts the documented example of %s, also as text", (_, schema) => {
  const { examples } = schema.meta() as { readonly examples: readonly unknown[] };
  const [example] = examples;

  expect(schema.safeParse(example)).toMatchObject({ success: true });
  expect(schema.safeParse(String(example))).toMatchObject({ success: true });
});
