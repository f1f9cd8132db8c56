import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmrService } from "../../../local/emr/emr-service.ts";
import type { AccountContext } from "../../../local/support/account-context.ts";
import { bashStep, jobFlow, project, region, until } from "../account-fixtures.ts";

let directory: string;
let logged: string[];
let emr: EmrService;

/** A cluster without bootstrap actions and logs needs no running account. */
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "orchard-emr-"));
  logged = [];
  const context: AccountContext = {
    endpoint: "http://127.0.0.1:1",
    ministack: "http://127.0.0.1:1",
    directory,
    tools: join(project, ".orchard"),
    region,
    accountId: "000000000000",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    log: (line) => logged.push(line),
  };
  emr = new EmrService(context);
});

afterEach(async () => {
  await emr.stop();
  rmSync(directory, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: as many types as operations
function call(operation: string, input: object): any {
  return emr.handle(operation, input);
}

function reached(ClusterId: string, state: string) {
  return until(
    async () => call("DescribeCluster", { ClusterId }).Cluster.Status,
    ({ State }) => State === state,
  );
}

test("a cluster whose record cannot be written still waits and terminates, and removes its node", async () => {
  const { JobFlowId: id } = call("RunJobFlow", jobFlow("unwritable"));
  await reached(id, "WAITING");
  mkdirSync(join(directory, "emr", id, "cluster.json.new"));

  await sleep(1500);
  const waiting = call("DescribeCluster", { ClusterId: id }).Cluster.Status.State;
  call("TerminateJobFlows", { JobFlowIds: [id] });
  const ended = await reached(id, "TERMINATED");

  expect(waiting).toBe("WAITING");
  expect(ended.StateChangeReason.Code).toBe("USER_REQUEST");
  expect(existsSync(join(directory, "emr", id, "node"))).toBe(false);
  expect(logged).toEqual([expect.stringContaining(`the end of ${id} was not saved: Error: EISDIR`)]);
});

test("a failed step has its own error even after much output", async () => {
  const script = "truncate --size 600M stdout; echo 'ValueError: no rows' >&2; exit 3";
  const { JobFlowId: id } = call("RunJobFlow", jobFlow("verbose", { Steps: [bashStep("work", script)] }));

  await reached(id, "WAITING");

  const [{ Status }] = call("ListSteps", { ClusterId: id }).Steps;
  expect(Status).toMatchObject({ State: "FAILED", FailureDetails: { Message: "ValueError: no rows" } });
});
