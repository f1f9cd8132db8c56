import getPort from "get-port";
import { expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { followRun } from "../../../cli/execution/follow-run.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";

it("does not wait for an embedded account that has ended", async () => {
  const clients = createClients({
    AWS_ENDPOINT_URL: `http://127.0.0.1:${await getPort({ host: "127.0.0.1" })}`,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  });
  const arn = "arn:aws:states:eu-west-1:000000000000:execution:Orchard:run-1";
  const run = { runId: "run-1", arn, startedAt: new Date() };
  const reporter = { status: () => undefined, line: () => undefined };

  const outcome = followRun(new Lifetime(), clients, { bucket: "data" }, run, reporter, async () => "ended");

  await expect(outcome).rejects.toThrow("The account on this machine has ended, and run-1 with it.");
});
