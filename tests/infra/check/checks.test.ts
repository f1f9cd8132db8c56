import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { describe, expect, it } from "vitest";
import {
  aslDefinitions,
  cdkNag,
  cfnLint,
  npmAudit,
  type SynthesizedVariant,
  shellcheck,
  synthesize,
} from "../../../infra/check/checks.ts";
import { leastPrivilege } from "../../../infra/check/least-privilege.ts";
import { variantNamed, variants } from "../../../infra/check/variants.ts";
import { clusterDefaults } from "../../../infra/config/cluster-defaults.ts";
import { configWith, temporaryFolder } from "../fixtures.ts";

const outdir = temporaryFolder();
const modelFile = join(outdir, "model");
writeFileSync(modelFile, "");
function make(name: string): SynthesizedVariant {
  return synthesize(variantNamed(name), { outdir, modelFile, wheelhouseFile: modelFile });
}

// Two of the table, which between them have all that there is; `npm run check:infra` looks at the whole of it.
describe("the judges that we did not write", () => {
  const all = [make("everything on"), make("bring your own")];

  it.each([
    ["cdk-nag", () => cdkNag(all, { complete: true })],
    ["asl-validator", () => aslDefinitions(all)],
    ["shellcheck", shellcheck],
    ["cfn-lint", () => cfnLint(all)],
    ["least privilege", () => leastPrivilege(all, { complete: true })],
  ])("%s finds nothing", { timeout: 300_000 }, async (_, judge) => {
    const { findings } = await judge();

    expect(findings).toEqual([]);
  });

  it("npm audit finds nothing high in what ships, or says that it was not answered", { timeout: 90_000 }, () => {
    const { findings, note } = npmAudit();

    expect(findings).toEqual([]);
    if (note !== undefined) expect(note).toMatch(/^NOT JUDGED: the registry does not answer audits/);
  });

  it("are told of what nobody has acknowledged", () => {
    const { app } = all[0] ?? make("everything on");
    new Queue(app.node.findChild("Orchard") as never, "Plain");

    expect(cdkNag([{ name: "broken", app, templates: [] }], { complete: false }).findings).toEqual([
      expect.stringMatching(/^broken: Orchard\/Plain\/Resource: AwsSolutions-SQS3: /),
      expect.stringMatching(/^broken: Orchard\/Plain\/Resource: AwsSolutions-SQS4: /),
    ]);
  });
});

it("the table has every cluster, schedule and guardrails, with and without", () => {
  expect(variants.map(({ name }) => name)).toEqual([
    ...["x86_64, ON_DEMAND", "x86_64, ON_DEMAND, JupyterHub", "x86_64, SPOT", "x86_64, SPOT, JupyterHub"],
    ...["arm64, ON_DEMAND", "arm64, ON_DEMAND, JupyterHub", "arm64, SPOT", "arm64, SPOT, JupyterHub"],
    ...["everything on", "schedule", "no guardrails", "schedule, no guardrails"],
    ...["bring your own", "their VPC, our groups"],
  ]);
});

it.each(variants)("the planner takes the cluster of $name", ({ knobs }) => {
  const placement = {
    subnetIds: ["subnet-0"],
    securityGroups: { primary: "sg-1", core: "sg-2", serviceAccess: "sg-3" },
  };

  expect(() => clusterDefaults(configWith(knobs), placement)).not.toThrow();
});
