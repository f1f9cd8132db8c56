// The cost of runs as AWS bills it, which Cost Explorer knows a day later.
import { CostExplorerClient, GetCostAndUsageCommand } from "@aws-sdk/client-cost-explorer";
import { runIdTag } from "../../lambdas/contract/tags.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { clientSettings } from "./aws-clients.ts";
import { isOnEmbedded, type Target } from "./deployment-target.ts";

/** Cost Explorer keeps the current month and the 13 before it, unless an account has asked for more. */
const monthsKept = 13;

/** An amount in the currency in which AWS bills the account. */
export interface Billed {
  readonly amount: number;
  readonly currency: string;
}

/** @throws UsageError on the embedded account, where nothing is billed. Call it before long work. */
export function requireBills(target: Target): void {
  if (isOnEmbedded(target))
    throw new UsageError("Nothing is billed for the account on this machine. Leave --billed out.");
}

/**
 * Reads from Cost Explorer the bill of the clusters of each run, by the cost allocation tag with the run's name.
 * Each request costs 0.01 USD (https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/).
 *
 * @param since start of the earliest run
 * @returns by run; a run without a bill is missing, and so is every run until the tag is activated
 */
export async function readBilledCosts(since: Date, now = new Date()): Promise<ReadonlyMap<string, Billed>> {
  // The service is in one region of each partition, which the SDK knows.
  const client = new CostExplorerClient(clientSettings());
  const billed = new Map<string, Billed>();
  let NextPageToken: string | undefined;
  do {
    const page = await client.send(
      new GetCostAndUsageCommand({
        TimePeriod: { Start: dayOf(latest(since, earliestKept(now))), End: dayOf(nextDay(now)) },
        Granularity: "MONTHLY",
        Metrics: ["UnblendedCost"],
        GroupBy: [{ Type: "TAG", Key: runIdTag }],
        NextPageToken,
      }),
    );
    for (const { Groups = [] } of page.ResultsByTime ?? []) {
      for (const {
        Keys: [key = ""] = [],
        Metrics: { UnblendedCost: { Amount, Unit: currency = "USD" } = {} } = {},
      } of Groups) {
        // A group is named "<tag>$<value>". The value is empty for costs without the tag.
        const runId = key.slice(`${runIdTag}$`.length);
        if (runId === "") continue;
        billed.set(runId, { amount: (billed.get(runId)?.amount ?? 0) + Number(Amount ?? 0), currency });
      }
    }
    ({ NextPageToken } = page);
  } while (NextPageToken !== undefined);
  return billed;
}

function earliestKept(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsKept, 1));
}

function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}

function nextDay(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1));
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, "2026-01-01".length);
}
