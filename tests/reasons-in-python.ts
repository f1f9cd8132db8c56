import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { type Layout, treeRules } from "../lambdas/contract/image-tree.ts";
import { python } from "./lambdas/ministack.ts";

const script = `
import json, sys
from orchard.tree import parse_tree_rules
cases = json.load(sys.stdin)
json.dump([parse_tree_rules(rules).reason_to_leave_out(key) for key, rules in cases], sys.stdout)
`;

/** Asks the Spark job's rules for the reason to leave out each key; null is an image. */
export async function reasonsInPython(cases: readonly (readonly [string, Layout])[]): Promise<readonly unknown[]> {
  const input = JSON.stringify(cases.map(([key, layout]) => [key, treeRules(layout)]));
  const env = { PYTHONPATH: join(import.meta.dirname, "..", "spark") };
  const { stdout } = await execa(python, ["-c", script], { env, input });
  return z.array(z.string().nullable()).parse(JSON.parse(stdout));
}
