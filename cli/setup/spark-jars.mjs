// Downloads the jars that Spark and YARN need here and PySpark lacks, by Spark's own dependency resolver (Ivy).
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { javaProxyOptions, joinJavaOptions } from "../../shared/java-options.mjs";
import { childEnvironment } from "./child-environment.mjs";
import { run } from "./child-processes.mjs";
import { javaHome, sitePackages } from "./python-packages.mjs";
import { SetupError } from "./setup-error.mjs";
import { home, python, root } from "./setup-paths.mjs";

/**
 * Jars in a folder of .orchard. `lock` has the names and sha256 of all of them, as `sha256sum` writes them: a mirror or a
 * proxy must deliver the same.
 * @typedef {{folder: string, lock: string, version: string, packages: string[], excluded: string[]}} JarSet
 */

const hadoopVersion = "3.3.4";
const hadoopAws = `org.apache.hadoop:hadoop-aws:${hadoopVersion}`;
const awsJavaSdkVersion = "1.12.262";

/** Lets Spark read and write s3:// paths. @type {JarSet} */
export const s3Jars = {
  folder: "jars",
  lock: "local/jars.sha256",
  version: `${hadoopAws} ${awsJavaSdkVersion}`,
  packages: [
    hadoopAws,
    ...["s3", "dynamodb", "sts"].map((name) => `com.amazonaws:aws-java-sdk-${name}:${awsJavaSdkVersion}`),
  ],
  // The bundle is 280 MB and covers every AWS service; the three modules above suffice.
  excluded: ["com.amazonaws:aws-java-sdk-bundle"],
};

const yarnPackages = [
  `org.apache.hadoop:hadoop-client-minicluster:${hadoopVersion}`,
  // The daemons make certificates for their web proxy with it, even without HTTPS.
  "org.bouncycastle:bcpkix-jdk15on:1.70",
];

/** YARN's daemons: ResourceManager and NodeManager. @type {JarSet} */
export const yarnJars = {
  folder: "yarn-jars",
  lock: "local/yarn-jars.sha256",
  version: yarnPackages.join(" "),
  packages: yarnPackages,
  // PySpark has the client's jars and the logging; the others are for HDFS and tests.
  excluded: [
    ...["hadoop-client-api", "hadoop-client-runtime"].map((name) => `org.apache.hadoop:${name}`),
    ...["junit:junit", "org.xerial.snappy:snappy-java", "org.slf4j:slf4j-api"],
    ...["commons-logging:commons-logging", "com.google.code.findbugs:jsr305"],
  ],
};

/** The JDK's customary password of a trust store, which protects nothing. */
const trustStorePassword = "changeit";
const hint =
  "Spark's own resolver loads the jars from Maven Central: check the network, HTTPS_PROXY, and DEFAULT_ARTIFACT_REPOSITORY if you have a mirror, and start again.";

/**
 * Resolves a set of jars into its folder of .orchard.
 * @param {JarSet} set
 * @param {(line: string) => void} log
 */
export async function makeJars(set, log) {
  // Keep Ivy out of the project's folder, because it reads parentheses in a path as its own syntax.
  const ivy = mkdtempSync(join(tmpdir(), "orchard-ivy-"));
  const partial = join(home, `${set.folder}.partial`);
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    await resolveJars(set, ivy, log);
    cpSync(join(ivy, "jars"), partial, { recursive: true });
  } finally {
    rmSync(ivy, { recursive: true, force: true });
  }
  verifyJars(partial, { file: set.lock, text: readFileSync(join(root, set.lock), "utf8") });
  rmSync(join(home, set.folder), { recursive: true, force: true });
  renameSync(partial, join(home, set.folder));
}

/**
 * Compares the jars of a folder with their locked sha256.
 * @param {string} folder
 * @param {{file: string, text: string}} lock its text has lines of `<sha256>  <name>`
 * @throws {SetupError} if a jar is missing, was not locked or has another content
 */
export function verifyJars(folder, lock) {
  const locked = new Map(
    lock.text
      .trim()
      .split("\n")
      .map((line) => /** @type {[string, string]} */ (line.split(/\s+/).reverse())),
  );
  const found = readdirSync(folder).filter((name) => name.endsWith(".jar"));
  const problems = [
    ...[...locked.keys()].filter((name) => !found.includes(name)).map((name) => `${name} is missing`),
    ...found.flatMap((name) => {
      const expected = locked.get(name);
      if (!expected) return [`${name} is not in the lock file`];
      const actual = createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex");
      return actual === expected ? [] : [`${name} has the sha256 ${actual}, expected ${expected}`];
    }),
  ];
  if (problems.length > 0) {
    throw new SetupError(`The jars are not those of ${lock.file}:\n${problems.join("\n")}\n${hint}`, 1);
  }
}

/**
 * Submits an empty script, because spark-submit resolves packages only for a job.
 * @param {JarSet} set
 * @param {string} ivy folder that receives the jars
 * @param {(line: string) => void} log
 */
async function resolveJars(set, ivy, log) {
  const script = join(ivy, "empty.py");
  writeFileSync(script, "");
  // The JRE does not know the certificates that this machine trusts, for instance a company proxy's.
  const trustStore = join(home, "truststore.p12");
  await run(python, ["cli/setup/truststore.py", trustStore, trustStorePassword], { log, hint });
  const java = [
    `-Djavax.net.ssl.trustStore=${trustStore}`,
    `-Djavax.net.ssl.trustStorePassword=${trustStorePassword}`,
    ...javaProxyOptions(childEnvironment("download")),
  ];
  await run(
    join(home, "python", "bin", "spark-submit"),
    [
      ...["--master", "local[1]", "--conf", `spark.jars.ivy=${ivy}`],
      ...["--packages", set.packages.join(",")],
      ...["--exclude-packages", set.excluded.join(",")],
      ...["--driver-java-options", joinJavaOptions(java), script],
    ],
    {
      log,
      // Show only the downloads of all that Ivy and Java print.
      shown: /^(downloading .*?)( \.\.\.)?$/,
      hint,
      env: {
        JAVA_HOME: await javaHome(),
        SPARK_HOME: join(await sitePackages(), "pyspark"),
        PYSPARK_PYTHON: python,
        SPARK_LOCAL_IP: "127.0.0.1",
      },
    },
  );
}
