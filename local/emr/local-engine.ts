import { readFile, writeFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { AccountContext } from "../support/account-context.ts";
import { type BootstrapAction, type ClusterEngine, type EngineCluster, nodesFolder } from "./cluster-engine.ts";
import { EmrNode, type NodeResult } from "./emr-node.ts";
import { localSparkSubmit } from "./local-spark-submit.ts";
import { NodeImage } from "./node-image.ts";
import { s3aSettings } from "./s3a-settings.ts";

/** Runs a cluster as one node, and a step as one process on all cores (local[*]). */
export class LocalEngine implements ClusterEngine {
  readonly nodes: readonly EmrNode[];
  readonly #context: AccountContext;
  readonly #cluster: EngineCluster;
  readonly #primary: EmrNode;
  readonly #image: NodeImage;
  #applications = 0;

  constructor(context: AccountContext, cluster: EngineCluster) {
    const { instanceId, folder, logs } = cluster;
    const root = nodesFolder(folder);
    this.#context = context;
    this.#cluster = cluster;
    this.#primary = new EmrNode(context, {
      instanceId,
      root,
      clusterFolder: folder,
      logs,
      env: { ORCHARD_PREFIX: root },
    });
    this.nodes = [this.#primary];
    this.#image = new NodeImage(join(context.directory, "node-image"), context.log);
  }

  /** Creates the node with Spark's configuration. */
  async create(): Promise<void> {
    const { root } = this.#primary;
    await this.#primary.create();
    const gibibytes = Math.max(1, Math.min(4, Math.floor(totalmem() / 2 ** 30 / 4)));
    const eventLogs = Object.entries(this.#cluster.sparkDefaults).filter(([key]) => key.startsWith("spark.eventLog."));
    const s3a = Object.entries(s3aSettings(this.#context, join(root, "tmp")));
    const lines = [
      (await readFile(join(this.#context.tools, "spark/spark-defaults.conf"), "utf8")).trimEnd(),
      ...s3a.map(([key, value]) => `spark.hadoop.${key} ${value}`),
      ...eventLogs.map(([key, value]) => `${key} ${value}`),
      "spark.driver.bindAddress 127.0.0.1",
      "spark.driver.host 127.0.0.1",
      // Other users of the machine can reach Spark's ports on loopback.
      "spark.authenticate true",
      `spark.driver.memory ${gibibytes}g`,
      `spark.local.dir ${join(root, "tmp")}`,
    ];
    await writeFile(join(root, "conf/spark-defaults.conf"), `${lines.join("\n")}\n`);
  }

  async bootstrap(
    node: EmrNode,
    script: Uint8Array,
    { number, args }: BootstrapAction,
    signal: AbortSignal,
  ): Promise<NodeResult> {
    const opt = join(node.root, "opt");
    const key = this.#image.key(script, args);
    // Keep an image of the first action only, because the result of a later one depends on those before it.
    if (number === 1) await this.#image.restore(key, opt);
    const result = await node.bootstrap(script, args, number, signal);
    if (number === 1 && result.exitCode === 0) await this.#image.save(key, opt);
    return result;
  }

  async start(): Promise<void> {
    // Without YARN there are no daemons.
  }

  /** Runs a step; spark-submit runs on this machine instead of YARN. */
  async step(stepId: string, args: readonly string[], signal: AbortSignal): Promise<NodeResult> {
    const logs = `steps/${stepId}`;
    if (args[0] !== "spark-submit") return this.#primary.run(args, {}, logs, signal);
    const { tools } = this.#context;
    const { command, env, isClusterMode } = localSparkSubmit(args.slice(1), {
      root: this.#primary.root,
      sparkHome: join(tools, "python/lib/python3.11/site-packages/pyspark"),
      python: join(tools, "python/bin/python"),
    });
    const result = await this.#primary.run(command, env, logs, signal);
    if (isClusterMode) {
      // In cluster mode, EMR writes the driver's output to the logs of the YARN container that it runs in.
      this.#applications += 1;
      const number = String(this.#applications).padStart(4, "0");
      const container = `${Date.now()}_${number}`;
      const folder = `containers/application_${container}/container_${container}_01_000001`;
      await this.#cluster.logs.upload(join(this.#cluster.folder, logs), folder, ["stderr", "stdout"]);
    }
    return result;
  }

  async remove(): Promise<void> {
    await this.#primary.remove();
  }
}
