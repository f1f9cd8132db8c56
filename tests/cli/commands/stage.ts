// The account of account.test.ts, which the files of cases share.
import { ListClustersCommand } from "@aws-sdk/client-emr";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { expect } from "vitest";
import type { Clients } from "../../../cli/account/aws-clients.ts";
import { waitUntil } from "../../../shared/wait-until.ts";
import { json } from "../account/account-commands.ts";
import type { EmbeddedAccount } from "../account/started-account.ts";
import type { Transcripts } from "../transcripts/transcripts.ts";

/** For a test with a real run. */
export const allMs = 300_000;

export interface Stage {
  readonly account: EmbeddedAccount;
  readonly clients: Clients;
  readonly transcripts: Transcripts;
}

/** An input that Preflight refuses, so that the run ends in seconds. */
export const refusedInput = { mode: "single-class", label: "No such label" };

/** Starts an execution as a schedule would. @returns its ARN */
export async function startExecution({ account, clients }: Stage, name: string, input: unknown): Promise<string> {
  const { stateMachineArn } = account;
  const start = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
  return (await clients.sfn.send(start)).executionArn ?? "";
}

/** The id of the run that docs/cli.md starts: it has 6 images and 2 components. */
export async function finishedRun(): Promise<string> {
  const { runs } = await json("list");
  return runs.at(-1).runId;
}

/** Waits for the cluster that a run creates. @returns its id */
export async function clusterOf({ clients }: Stage, run: string): Promise<string> {
  let id: string | undefined;
  const isThere = async (): Promise<boolean> => {
    const { Clusters = [] } = await clients.emr.send(new ListClustersCommand({}));
    id = Clusters.find(({ Name }) => Name === `orchard-${run}`)?.Id;
    return id !== undefined;
  };
  expect(await waitUntil(isThere, { timeoutMs: 120_000, everyMs: 500 }), "the run creates a cluster").toBe(true);
  return id ?? "";
}
