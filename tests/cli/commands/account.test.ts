// One account with one finished run serves the transcripts of docs/cli.md, and the tests that need more than a transcript.
// All of them depend on their order.
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { leadInProcess } from "../account/account-commands.ts";
import { makeImages } from "../account/empty-account.ts";
import { startEmbeddedAccount } from "../account/started-account.ts";
import { Transcripts } from "../transcripts/transcripts.ts";
import { cleanCases } from "./clean-cases.ts";
import { failureCases } from "./failure-cases.ts";
import { localCases, runningLocalCases } from "./local-cases.ts";
import { lookCases } from "./look-cases.ts";
import { notebookCases } from "./notebook-cases.ts";
import { redriveCases } from "./redrive-cases.ts";
import { runCases } from "./run-cases.ts";
import { allMs, type Stage } from "./stage.ts";
import { stopCases } from "./stop-cases.ts";
import { terminateCases } from "./terminate-cases.ts";
import { uploadCases } from "./upload-cases.ts";

let started: Stage;
function stage(): Stage {
  return started;
}

beforeAll(async () => {
  const account = await startEmbeddedAccount();
  const { home } = account;
  leadInProcess(account);
  process.chdir(home);
  started = { account, clients: createClients(account.env), transcripts: new Transcripts(account) };
  const photos = await makeImages(join(home, "photos"), 5);
  symlinkSync("nowhere", join(photos, "Training", "Apple 0", "gone.jpg"));
  writeFileSync(join(home, "orchard.config.json"), '{"coreCount":2}');
}, allMs);
afterAll(() => started.account.stop(), allMs);

runningLocalCases(stage);
describe("docs/cli.md", { timeout: allMs }, () => {
  it.each(["completion", "config", "doctor", "deploy", "upload", "pack", "plan", "run"])("orchard %s", (command) =>
    stage().transcripts.play(command),
  );
});
lookCases(stage);
notebookCases(stage);
failureCases(stage);
stopCases(stage);
redriveCases(stage);
terminateCases(stage);
runCases(stage);
uploadCases(stage);
// These delete everything, and end the account.
cleanCases(stage);
localCases(stage);

it("docs/cli.md has no other transcript, but that of tests/cli/deployment", () => {
  expect(stage().transcripts.left).toEqual(["Scheduled runs: `orchard schedule`"]);
});
