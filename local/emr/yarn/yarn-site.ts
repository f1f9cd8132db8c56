import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AccountContext } from "../../support/account-context.ts";
import type { EmrNode } from "../emr-node.ts";
import { s3aSettings } from "../s3a-settings.ts";
import type { YarnScale } from "./yarn-scale.ts";

type Properties = Readonly<Record<string, string>>;

/** The addresses of the ResourceManager. */
export interface ResourceManagerPorts {
  readonly client: number;
  readonly scheduler: number;
  readonly tracker: number;
  readonly admin: number;
  readonly web: number;
}

const host = "127.0.0.1";

/** Properties of yarn-site.xml that all daemons and clients of a cluster share. */
export function clusterProperties(ports: ResourceManagerPorts, { memoryMiB, vcpus }: YarnScale): Properties {
  return {
    "yarn.resourcemanager.address": `${host}:${ports.client}`,
    "yarn.resourcemanager.scheduler.address": `${host}:${ports.scheduler}`,
    "yarn.resourcemanager.resource-tracker.address": `${host}:${ports.tracker}`,
    "yarn.resourcemanager.admin.address": `${host}:${ports.admin}`,
    "yarn.resourcemanager.webapp.address": `${host}:${ports.web}`,
    // EMR's smallest container (Release guide, "Task configuration"); the largest is a node.
    "yarn.scheduler.minimum-allocation-mb": "32",
    "yarn.scheduler.maximum-allocation-mb": String(memoryMiB),
    "yarn.scheduler.maximum-allocation-vcores": String(vcpus),
    // On EMR, the instance controller reports a lost node; here YARN notices its silence, for which it waits ten minutes by
    // default.
    "yarn.nm.liveness-monitor.expiry-interval-ms": "15000",
    "yarn.resourcemanager.nm.liveness-monitor.interval-ms": "1000",
  };
}

/**
 * Variables that a container gets from its node. They replace the instance profile, the network's name service and the
 * paths of a real node. As on EMR, the region comes only from the step's arguments.
 */
const nodeVariables = [
  ...["JAVA_HOME", "LANG", "TMPDIR", "SPARK_LOCAL_IP"],
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"],
  ...["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"],
];

/** The folder in which a NodeManager keeps the logs of its containers. */
export function containerLogs(root: string): string {
  return join(root, "yarn/containers");
}

/** Properties of yarn-site.xml of a node with a NodeManager. */
export function nodeProperties(node: EmrNode, { memoryMiB, vcpus }: YarnScale): Properties {
  const { root } = node;
  const address = node.environment()["SPARK_LOCAL_IP"];
  return {
    "yarn.nodemanager.address": `${address}:0`,
    "yarn.nodemanager.localizer.address": `${address}:0`,
    "yarn.nodemanager.webapp.address": `${address}:0`,
    "yarn.nodemanager.local-dirs": join(root, "yarn/local"),
    "yarn.nodemanager.log-dirs": containerLogs(root),
    "yarn.nodemanager.env-whitelist": nodeVariables.join(","),
    "yarn.nodemanager.resource.memory-mb": String(memoryMiB),
    "yarn.nodemanager.resource.cpu-vcores": String(vcpus),
    // YARN ends a container that exceeds its size, as on EMR.
    "yarn.nodemanager.pmem-check-enabled": "true",
    // By default, Hadoop leaves the limit to cgroups, so that this check would never end a container.
    "yarn.nodemanager.resource.memory.enforced": "false",
    "yarn.nodemanager.vmem-check-enabled": "false",
    // The disk is the person's and may be fuller than EMR's limit of 90 %.
    "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "99.9",
    // The account collects the logs after each step; YARN would remove them three hours later.
    "yarn.nodemanager.log.retain-seconds": "604800",
  };
}

/** EMR's scheduler with its only queue; the jar lacks the default file. */
const capacityScheduler: Properties = {
  "yarn.scheduler.capacity.root.queues": "default",
  "yarn.scheduler.capacity.root.default.capacity": "100",
  "yarn.scheduler.capacity.maximum-am-resource-percent": "1",
};

/** Makes the daemons log what they do with applications and containers. */
const daemonLog = `rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = console
logger.yarn.name = org.apache.hadoop.yarn
logger.yarn.level = info
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %p %c{1}: %m%n
`;

/** Writes the configuration folder of a daemon. */
export async function writeDaemonSite(folder: string, yarnSite: Properties): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "yarn-site.xml"), toXml(yarnSite));
  await writeFile(join(folder, "core-site.xml"), toXml({ "fs.defaultFS": "file:///" }));
  await writeFile(join(folder, "capacity-scheduler.xml"), toXml(capacityScheduler));
  await writeFile(join(folder, "log4j2.properties"), daemonLog);
}

/** The request's properties that belong to the configuration of Spark's clients. */
export interface ClientSite {
  readonly coreSite: Properties;
  readonly sparkDefaults: Properties;
}

/**
 * Writes the configuration of spark-submit: HADOOP_CONF_DIR and SPARK_CONF_DIR are this folder. The account's buckets and
 * this machine's paths are site configuration, so that a step's arguments stay as they are.
 *
 * @param root the primary node's folder
 */
export async function writeClientSite(
  context: AccountContext,
  root: string,
  yarnSite: Properties,
  { coreSite, sparkDefaults }: ClientSite,
): Promise<void> {
  const folder = join(root, "conf");
  const core: Properties = {
    ...coreSite,
    // EMR's default is HDFS, which holds only what spark-submit stages.
    "fs.defaultFS": "file:///",
    "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
    ...s3aSettings(context, join(root, "tmp")),
  };
  const sparkHome = join(context.tools, "python/lib/python3.11/site-packages/pyspark");
  const { classPath, options } = await readJavaSettings(context.tools);
  // The archive of classes is valid for class paths that begin with the class path of local[*].
  const archived = [classPath, join(sparkHome, "conf/"), join(sparkHome, "jars/*")].join(":");
  const spark: Properties = {
    // Otherwise spark-submit would upload 300 MB of jars for each step.
    "spark.yarn.jars": `local:${sparkHome}/jars/*`,
    "spark.yarn.stagingDir": `file://${join(root, "staging")}`,
    // EMR has the external shuffle service. All nodes use the same port for it, so only one node here could have it.
    "spark.shuffle.service.enabled": "false",
    "spark.dynamicAllocation.shuffleTracking.enabled": "true",
    // Other users of the machine can reach Spark's ports on loopback.
    "spark.authenticate": "true",
    "spark.ui.enabled": "false",
    "spark.driver.extraClassPath": archived,
    "spark.executor.extraClassPath": archived,
    "spark.driver.defaultJavaOptions": options,
    "spark.executor.defaultJavaOptions": options,
    ...sparkDefaults,
  };
  await writeFile(join(folder, "core-site.xml"), toXml(core), { mode: 0o600 });
  await writeFile(join(folder, "yarn-site.xml"), toXml(yarnSite));
  const lines = Object.entries(spark).map(([key, value]) => `${key} ${value}\n`.replaceAll("\\", "\\\\"));
  await writeFile(join(folder, "spark-defaults.conf"), lines.join(""));
}

/** The settings of a JVM that the setup has written for local[*]. */
export interface JavaSettings {
  /** The jars of S3A. */
  readonly classPath: string;
  /** Options that let it start quickly, among them the archive of Spark's classes. */
  readonly options: string;
}

/** Reads the settings of the setup. @throws Error when the setup has written none */
export async function readJavaSettings(tools: string): Promise<JavaSettings> {
  const file = join(tools, "spark/spark-defaults.conf");
  const defaults = await readFile(file, "utf8");
  const read = (key: string): string => {
    const value = defaults.split("\n").find((line) => line.startsWith(`${key} `));
    if (value === undefined) throw new Error(`${file} has no ${key}.`);
    return value.slice(key.length + 1).replaceAll("\\\\", "\\");
  };
  return { classPath: read("spark.driver.extraClassPath"), options: read("spark.driver.extraJavaOptions") };
}

function toXml(properties: Properties): string {
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const entries = Object.entries(properties).map(
    ([name, value]) => `<property><name>${escaped(name)}</name><value>${escaped(value)}</value></property>\n`,
  );
  return `<?xml version="1.0"?>\n<configuration>\n${entries.join("")}</configuration>\n`;
}
