// Judges the calls that tests have recorded: `node infra/check/judge-calls.ts <record.json>…`, its judgement as JSON.
import { readFileSync } from "node:fs";
import { judge, parseRecord } from "./least-privilege.ts";

const records = process.argv.slice(2).map((file) => parseRecord(readFileSync(file, "utf8")));
process.stdout.write(`${JSON.stringify(await judge(records), null, 1)}\n`);
