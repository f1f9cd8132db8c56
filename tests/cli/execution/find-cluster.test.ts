import type { SFNClient } from "@aws-sdk/client-sfn";
import { expect, test } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { findCluster } from "../../../cli/execution/watch-execution.ts";
import { EmrDouble } from "../../doubles/emr.ts";

const arn = "arn:aws:states:eu-west-1:123456789012:execution:Orchard:run-1";
const sfn = { send: async () => ({ startDate: new Date() }) } as unknown as SFNClient;

test("finds a run's cluster on a later page of ListClusters, by its name and tag", async () => {
  const emr = new EmrDouble();
  emr.create("another", {});
  emr.create("orchard-run-1", { "orchard:execution-arn": `${arn}-of-another-stack` });
  const id = emr.create("orchard-run-1", { "orchard:execution-arn": arn });
  const clients = { ...createClients({ AWS_REGION: "eu-west-1" }), emr: emr.client, sfn };

  expect(await findCluster(clients, { runId: "run-1", arn })).toEqual({ id, state: "WAITING" });
  expect(await findCluster(clients, { runId: "run-2", arn: `${arn}2` })).toBeUndefined();
});
