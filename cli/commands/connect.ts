import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "@aws-sdk/client-emr";
import { Command, Option } from "@commander-js/extra-typings";
import { isGone, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { describeCluster } from "../../lambdas/aws/emr.ts";
import { sparkEventsKey } from "../../lambdas/contract/s3-layout.ts";
import { plural } from "../../shared/formatting.ts";
import { isOnEmbedded, type Target } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { copyObjects } from "../execution/copy-objects.ts";
import { clusterOf } from "../execution/failure-log.ts";
import { findRun, runArgument } from "../execution/find-run.ts";
import { parsePort } from "../execution/input-options.ts";
import { findPrimaryNode, nodePages, openTunnel, type Page, pages, requirePlugin } from "../execution/node-tunnel.ts";
import { readRun } from "../execution/read-run.ts";
import { choosePort } from "../terminal/choose-port.ts";
import { CommandFailed, NotFound } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { serveHistory } from "../toolchain/history-server.ts";

const historyPort = 18_080;

export const command = addTargetOptions(
  new Command("connect")
    .helpGroup(groups.look)
    .summary("open the web pages of a run's cluster, or Spark's history of an ended one")
    .description(
      "open a tunnel to a web page of the run's cluster, until Ctrl-C. When the cluster has ended, and on this machine, show Spark's pages of the run's steps by a history server on their event logs",
    )
    .argument("[run]", runArgument, "latest")
    .addOption(new Option("--page <page>", "page of a running cluster").choices(pages).default("spark" satisfies Page))
    .option("--port <port>", "port on 127.0.0.1 (default: that of the page, or a free one)", parsePort)
    .option("--json", "print one JSON object and nothing else, once the page can be opened", false)
    .addHelpText("after", "\nExample:\n  orchard connect latest --page yarn"),
).action((text, { page, port, json, ...chosen }) =>
  withLifetime(
    async (lifetime) => {
      const target = await openChosenTarget(chosen);
      const { clients } = target;
      const deployed = await requireDeployment(target);
      const run = await findRun(clients.sfn, deployed.stateMachineArn, text);
      const { report, data } = await readRun(clients, deployed, run, false);
      const clusterId = clusterOf(data, report);
      if (clusterId === undefined) throw new NotFound(`The run ${run.runId} has no cluster.`);
      const cluster = await describeCluster(clients.emr, clusterId);
      // The embedded account's Spark serves no page while a step runs.
      const isOver = isGone(stateOf(cluster)) || isOnEmbedded(target);
      const opened = isOver
        ? await openHistory(lifetime, target, deployed.bucket, cluster, port)
        : await openPage(lifetime, target, cluster, page, port);
      const { closed, ...printed } = opened;
      process.stdout.write(
        json ? `${JSON.stringify({ runId: run.runId, clusterId, ...printed })}\n` : `${opened.url}\n`,
      );
      if (!json) process.stderr.write(`${opened.hint} Ctrl-C ends it.\n`);
      await closed;
      if (!lifetime.interrupted) throw new CommandFailed("The connection has ended.");
    },
    new Lifetime({ notice: null }),
  ),
);

interface Opened {
  readonly url: string;
  readonly hint: string;
  readonly closed: Promise<unknown>;
}

async function openPage(
  lifetime: Lifetime,
  { clients, env }: Target,
  cluster: Cluster,
  page: Page,
  wantedPort: number | undefined,
): Promise<Opened> {
  const { port: remotePort, scheme, path, hint } = nodePages[page];
  await requirePlugin(lifetime, env);
  const instanceId = await findPrimaryNode(clients.emr, cluster);
  const localPort = await choosePort(wantedPort, remotePort);
  const { closed } = await openTunnel(lifetime, { instanceId, remotePort, localPort }, env);
  return { url: `${scheme}://127.0.0.1:${localPort}${path}`, hint, closed };
}

async function openHistory(
  lifetime: Lifetime,
  { clients }: Target,
  bucket: string,
  cluster: Cluster,
  wantedPort: number | undefined,
): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "orchard-spark-events-"));
  lifetime.defer(() => rm(folder, { recursive: true, force: true }));
  const events = join(folder, "events");
  const isWanted = (name: string) => isApplicationOf(cluster, name);
  const from = { bucket, key: sparkEventsKey };
  const { files: count } = await copyObjects(clients.s3, from, events, { isWanted, signal: lifetime.signal });
  if (count === 0) {
    throw new NotFound(
      `There are no event logs of cluster ${cluster.Id}: Spark writes one at the end of each step, and they expire.`,
    );
  }
  const port = await choosePort(wantedPort, historyPort);
  const { url, closed } = await serveHistory(lifetime, { folder: events, count, port });
  return { url, hint: `Spark's history server shows ${plural(count, "step")}.`, closed };
}

/**
 * Whether an event log belongs to an application of the cluster. The log's name has a time in ms: on a cluster, the start
 * of YARN, as in application_1700000000000_0001, and on this machine, the start of Spark, as in local-1700000000000.
 */
export function isApplicationOf({ Status }: Pick<Cluster, "Status">, name: string): boolean {
  const time = Number(/^(?:application_|local-)(\d+)/.exec(name)?.[1] ?? Number.NaN);
  const { CreationDateTime: created, EndDateTime: ended = new Date() } = Status?.Timeline ?? {};
  return created !== undefined && time >= created.getTime() && time <= ended.getTime();
}
