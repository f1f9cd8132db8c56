import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import getPort from "get-port";
import { joinJavaOptions } from "../../../shared/java-options.mjs";
import type { AccountContext } from "../../support/account-context.ts";
import { type BootstrapAction, type ClusterEngine, type EngineCluster, nodesFolder } from "../cluster-engine.ts";
import { EmrNode, type NodeResult } from "../emr-node.ts";
import { findNodeViews } from "./node-view.ts";
import { type DaemonName, shortLived, YarnDaemons } from "./yarn-daemons.ts";
import { describeScale, scaleCluster, type YarnScale } from "./yarn-scale.ts";
import {
  clusterProperties,
  containerLogs,
  nodeProperties,
  readJavaSettings,
  writeClientSite,
  writeDaemonSite,
} from "./yarn-site.ts";

/** Hadoop's name of the user who runs everything, as on EMR. */
const user = "hadoop";

export interface YarnCluster extends EngineCluster {
  /** The instances with a NodeManager: the core nodes, or a lone primary node. */
  readonly workers: readonly { readonly id: string; readonly type: string }[];
  readonly coreSite: Readonly<Record<string, string>>;
  /** Variables of spark-submit's environment that the request sets. */
  readonly sparkEnv: Readonly<Record<string, string>>;
}

/** Runs a cluster as a ResourceManager and NodeManagers, and a step by spark-submit with its arguments unchanged. */
export class YarnEngine implements ClusterEngine {
  readonly nodes: readonly EmrNode[];
  readonly #context: AccountContext;
  readonly #cluster: YarnCluster;
  readonly #scale: YarnScale;
  readonly #primary: EmrNode;
  readonly #workers: readonly EmrNode[];
  readonly #daemons: YarnDaemons;
  /** Sizes of the files that are on S3. */
  readonly #uploaded = new Map<string, number>();

  constructor(context: AccountContext, cluster: YarnCluster) {
    const { instanceId, folder, workers, logs } = cluster;
    const enterView = findNodeViews();
    const newNode = (id: string, root: string, env: Readonly<Record<string, string>>) =>
      new EmrNode(context, {
        instanceId: id,
        root,
        clusterFolder: folder,
        logs,
        env: { HADOOP_USER_NAME: user, ...env },
        enter: (command) => enterView(root, command),
      });
    this.#context = context;
    this.#cluster = cluster;
    this.#scale = scaleCluster(workers[0]?.type ?? "", workers.length);
    const root = nodesFolder(folder);
    this.#primary = newNode(instanceId, root, {});
    this.#workers = workers
      .slice(0, this.#scale.nodes)
      .map(({ id }, index) =>
        id === instanceId
          ? this.#primary
          : newNode(id, join(root, `core-${index + 1}`), { SPARK_LOCAL_IP: addressOf(index) }),
      );
    this.nodes = [...new Set([this.#primary, ...this.#workers])];
    this.#daemons = new YarnDaemons(context.tools);
  }

  async create(): Promise<void> {
    for (const node of this.nodes) {
      await node.create();
      await node.wrapper("spark-submit", [join(node.environment()["SPARK_HOME"] ?? "", "bin/spark-submit")]);
      // A container gets its own process group, by which YARN ends it. It stays in the session of its NodeManager, so that it
      // ends with the account.
      const script = "import os, sys; os.setpgid(0, 0); os.execvp(sys.argv[1], sys.argv[1:])";
      await node.wrapper("setsid", [join(this.#context.tools, "python/bin/python"), "-IS", "-c", script]);
    }
  }

  bootstrap(
    node: EmrNode,
    script: Uint8Array,
    { number, args }: BootstrapAction,
    signal: AbortSignal,
  ): Promise<NodeResult> {
    return node.bootstrap(script, args, number, signal);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { coreSite, sparkDefaults } = this.#cluster;
    const web = await nextPort();
    const ports = { client: await nextPort(), scheduler: await nextPort(), tracker: await nextPort() };
    const site = clusterProperties({ ...ports, admin: await nextPort(), web }, this.#scale);
    this.#context.log(`emr: ${describeScale(this.#scale)}`);
    await writeClientSite(this.#context, this.#primary.root, site, { coreSite, sparkDefaults });
    await this.#startDaemon("resourcemanager", this.#primary, site);
    for (const node of this.#workers) {
      await this.#startDaemon("nodemanager", node, { ...site, ...nodeProperties(node, this.#scale) });
    }
    await this.#daemons.ready(this.#workers.length, `http://127.0.0.1:${web}`, signal);
  }

  async step(stepId: string, args: readonly string[], signal: AbortSignal): Promise<NodeResult> {
    const conf = join(this.#primary.root, "conf");
    const env = {
      ...this.#cluster.sparkEnv,
      HADOOP_CONF_DIR: conf,
      SPARK_CONF_DIR: conf,
      SPARK_DIST_CLASSPATH: (await readJavaSettings(this.#context.tools)).classPath,
      SPARK_SUBMIT_OPTS: `${this.#primary.environment()["SPARK_SUBMIT_OPTS"]} ${joinJavaOptions(shortLived)}`,
    };
    const result = await this.#primary.run(args, env, `steps/${stepId}`, signal, [describeScale(this.#scale)]);
    await this.#uploadContainers();
    return result;
  }

  async remove(): Promise<void> {
    await this.#daemons.stop();
    await this.#uploadContainers();
    for (const { node } of this.#daemons.list()) {
      const folder = daemonLogs(node);
      await this.#upload(join(this.#cluster.folder, folder), folder);
    }
    await this.#primary.remove();
  }

  async #startDaemon(name: DaemonName, node: EmrNode, properties: Readonly<Record<string, string>>): Promise<void> {
    const site = join(node.root, "yarn", name);
    await writeDaemonSite(site, properties);
    const logFile = join(this.#cluster.folder, daemonLogs(node), `hadoop-yarn-${name}.log`);
    await this.#daemons.start({ name, node, site, logFile });
  }

  /** Writes the logs of the containers to the place on S3 where EMR puts them. */
  async #uploadContainers(): Promise<void> {
    for (const { root } of this.#workers) await this.#upload(containerLogs(root), "containers");
  }

  /** Writes the files below a folder that are new or have grown. */
  async #upload(folder: string, target: string): Promise<void> {
    if (!existsSync(folder)) return;
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const { name, parentPath } of entries.filter((entry) => entry.isFile())) {
      const file = join(parentPath, name);
      const { size } = await stat(file);
      if (this.#uploaded.get(file) === size) continue;
      await this.#cluster.logs.upload(parentPath, join(target, relative(folder, parentPath)), [name]);
      this.#uploaded.set(file, size);
    }
  }
}

function daemonLogs({ instanceId }: EmrNode): string {
  return `node/${instanceId}/applications/hadoop-yarn`;
}

/** The loopback address of a worker, which is a host of its own to Spark and YARN. Linux has all of 127.0.0.0/8. */
function addressOf(index: number): string {
  return `127.0.0.${index + 2}`;
}

function nextPort(): Promise<number> {
  return getPort({ host: "127.0.0.1" });
}
