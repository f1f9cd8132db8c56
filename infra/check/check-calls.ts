// Judges the calls that tests have recorded: `node infra/check/judge-calls.ts [--whole] <record.json>…` fails when AWS
// would refuse one of them; with --whole, which says that all tests have run, also when no call needed a grant.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { judge, parseRecord } from "./least-privilege.ts";

const { values, positionals } = parseArgs({ options: { whole: { type: "boolean" } }, allowPositionals: true });
const { calls, grants, denied, unused } = await judge(
  positionals.map((file) => parseRecord(readFileSync(file, "utf8"))),
);
const problems = [...denied.map((call) => `denied: ${call}`), ...(values.whole ? unused : [])];
const what = `least privilege: ${calls} calls, ${grants} grants${values.whole ? ", each of them needed" : ""}`;
process.stdout.write(problems.length === 0 ? `✔ ${what}\n` : `✖ least privilege\n${problems.join("\n")}\n`);
if (problems.length > 0) process.exitCode = 1;
