// Checks the calls that tests have recorded: `node infra/check/check-calls.ts [--whole] <record.json>...` fails when AWS
// would deny one of them. With --whole, for the records of all tests, a grant that no call used is a failure, too.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkCalls, parseRecord } from "./least-privilege.ts";

const { values, positionals } = parseArgs({ options: { whole: { type: "boolean" } }, allowPositionals: true });
const { calls, grants, denied, unused } = await checkCalls(
  positionals.map((file) => parseRecord(readFileSync(file, "utf8"))),
);
const problems = [...denied.map((call) => `denied: ${call}`), ...(values.whole ? unused : [])];
const summary = `least privilege: ${calls} calls, ${grants} grants${values.whole ? ", each of them needed" : ""}`;
process.stdout.write(problems.length === 0 ? `✔ ${summary}\n` : `✖ least privilege\n${problems.join("\n")}\n`);
if (problems.length > 0) process.exitCode = 1;
