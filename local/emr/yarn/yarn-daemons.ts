import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { waitUntil } from "../../../shared/wait-until.ts";
import { readTail } from "../../support/read-tail.ts";
import { type Supervised, supervise } from "../../support/supervise.ts";
import type { EmrNode } from "../emr-node.ts";

const startMs = 120_000;
const tailBytes = 4096;

/** Options of a JVM that does little: the optimizing compiler and a parallel collector would cost more than they save. */
export const shortLived = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] as const;

const classes = {
  resourcemanager: "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
  nodemanager: "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
} as const;

export type DaemonName = keyof typeof classes;

interface Daemon {
  readonly name: DaemonName;
  readonly node: EmrNode;
  /** The folder with its configuration. */
  readonly site: string;
  readonly logFile: string;
}

interface RunningDaemon extends Daemon {
  readonly child: Supervised;
  hasEnded: boolean;
}

/** The ResourceManager and the NodeManagers of a cluster, each in a process of its own that ends with the account. */
export class YarnDaemons {
  readonly #tools: string;
  readonly #running: RunningDaemon[] = [];

  /** @param tools the project's .orchard, with `yarn-jars/` */
  constructor(tools: string) {
    this.#tools = tools;
  }

  /** Starts a daemon. @throws Error when its log cannot be written */
  async start(daemon: Daemon): Promise<void> {
    const { name, node, site, logFile } = daemon;
    await mkdir(dirname(logFile), { recursive: true });
    const log = await open(logFile, "a");
    const env = node.environment();
    const jars = [join(this.#tools, "yarn-jars/*"), join(env["SPARK_HOME"] ?? "", "jars/*")];
    const java = [
      join(env["JAVA_HOME"] ?? "", "bin/java"),
      // Guice, which the daemons' web pages use, generates classes.
      "--add-opens=java.base/java.lang=ALL-UNNAMED",
      ...shortLived,
      "-Xmx256m",
      `-Djava.io.tmpdir=${env["TMPDIR"]}`,
      ...["-cp", [site, ...jars].join(":"), classes[name]],
    ];
    try {
      const child = supervise(node.enter(java), {
        tools: this.#tools,
        cwd: node.root,
        env,
        stdout: log.fd,
        stderr: log.fd,
      });
      const running = { ...daemon, child, hasEnded: false };
      void child.ended.finally(() => {
        running.hasEnded = true;
      });
      this.#running.push(running);
    } finally {
      await log.close();
    }
  }

  /**
   * Waits until NodeManagers have registered.
   *
   * @param count their number
   * @param web the ResourceManager's address for HTTP
   * @throws Error with the end of the log when a daemon ends, or with the logs' names after two minutes; the signal's reason
   */
  async ready(count: number, web: string, signal: AbortSignal): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      const ended = this.#running.find(({ hasEnded }) => hasEnded);
      if (ended !== undefined)
        throw new Error(`YARN's ${ended.name} ended: ${await readTail(ended.logFile, tailBytes)}`);
      return (await countNodes(web)) >= count;
    };
    if (await waitUntil(isReady, { everyMs: 200, timeoutMs: startMs, signal })) return;
    const logs = this.#running.map(({ logFile }) => logFile).join(", ");
    throw new Error(`YARN's NodeManagers were not ready within ${startMs / 1000} s: see ${logs}`);
  }

  /** Ends all daemons and their containers. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map(({ child }) => child.stop()));
  }

  /** The daemons that were started, with their logs. */
  list(): readonly Daemon[] {
    return this.#running;
  }
}

/** Counts the registered nodes by the ResourceManager's "Cluster Metrics API"; 0 while it does not answer. */
async function countNodes(web: string): Promise<number> {
  try {
    const answer = await fetch(`${web}/ws/v1/cluster/metrics`, { signal: AbortSignal.timeout(5000) });
    return Number(/"activeNodes":(\d+)/.exec(await answer.text())?.[1] ?? 0);
  } catch {
    return 0; // it is starting
  }
}
