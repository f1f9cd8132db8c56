import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { variantNamed } from "../../../infra/check/variants.ts";
import { synthesize, temporaryFolder } from "../fixtures.ts";

const outdir = temporaryFolder();

interface Resource {
  readonly Type: string;
  readonly DependsOn?: string | readonly string[];
}
type Resources = Readonly<Record<string, Resource>>;

/** The logical ids that a part of a template refers to by Ref, Fn::GetAtt or Fn::Sub. */
function referencesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== "object" || value === null) return [];
  const { Ref: ref, "Fn::GetAtt": attribute, "Fn::Sub": text } = value as Record<string, unknown>;
  return [
    ...(typeof ref === "string" ? [ref] : []),
    ...(Array.isArray(attribute) ? [String(attribute[0])] : []),
    ...[...JSON.stringify(text ?? "").matchAll(/\$\{(\w+)/g)].flatMap(([, id]) => id ?? []),
    ...Object.values(value).flatMap(referencesIn),
  ];
}

/** All resources that CloudFormation deletes after this one: those that it depends on, directly or through others. */
function deletedAfter(id: string, resources: Resources, found = new Set<string>()): ReadonlySet<string> {
  const resource = resources[id];
  for (const other of [...referencesIn(resource), ...[resource?.DependsOn ?? []].flat()]) {
    if (!(other in resources) || found.has(other)) continue;
    found.add(other);
    deletedAfter(other, resources, found);
  }
  return found;
}

describe.each(["everything on", "bring your own"])("when CloudFormation deletes the stack (%s)", (name) => {
  const template = synthesize(join(outdir, name.replaceAll(" ", "-")), variantNamed(name).knobs);
  const resources = template.toJSON()["Resources"] as Resources;
  const sweep = Object.keys(resources).filter((id) => id.startsWith("Sweep"));

  it("deletes every other resource before the sweep's rule, function, role and log group", () => {
    expect(sweep.map((id) => resources[id]?.Type).sort()).toEqual([
      "AWS::Events::Rule",
      "AWS::IAM::Policy",
      "AWS::IAM::Role",
      "AWS::Lambda::Function",
      "AWS::Lambda::Permission",
      "AWS::Logs::LogGroup",
    ]);
    const others = Object.keys(resources).filter((id) => !sweep.includes(id));
    const early = others.filter((id) => {
      const later = deletedAfter(id, resources);
      return !sweep.every((part) => later.has(part));
    });
    expect(early).toEqual([]);
  });

  it("keeps the sweep able to ask for executions and end clusters until then", () => {
    const needed = sweep.flatMap((id) => [...deletedAfter(id, resources)]);
    expect(needed.filter((id) => !sweep.includes(id))).toEqual([]);
  });
});
