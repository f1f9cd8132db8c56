// Downloads the jars with which Spark reads and writes s3:// paths, by Spark's own dependency resolver (Ivy).
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

const hadoopAws = "org.apache.hadoop:hadoop-aws:3.3.4";
const awsJavaSdkVersion = "1.12.262";
/** The JDK's customary password of a trust store, which protects nothing. */
const trustStorePassword = "changeit";
const hint =
  "Spark's own resolver loads the jars from Maven Central: check the network, HTTPS_PROXY, and DEFAULT_ARTIFACT_REPOSITORY if you have a mirror, and start again.";

/** Names and sha256 of all jars, as `sha256sum` writes them: a mirror or a proxy must deliver the same. */
const lockFile = join(root, "local", "jars.sha256");

export const jarsVersion = `${hadoopAws} ${awsJavaSdkVersion}`;

/**
 * Resolves the jars into .orchard/jars.
 * @param {(line: string) => void} log
 */
export async function makeJars(log) {
  // Not in the project's folder: Ivy reads parentheses in a path as its own syntax.
  const ivy = mkdtempSync(join(tmpdir(), "orchard-ivy-"));
  const partial = join(home, "jars.partial");
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    await resolveJars(ivy, log);
    cpSync(join(ivy, "jars"), partial, { recursive: true });
  } finally {
    rmSync(ivy, { recursive: true, force: true });
  }
  verifyJars(partial, readFileSync(lockFile, "utf8"));
  rmSync(join(home, "jars"), { recursive: true, force: true });
  renameSync(partial, join(home, "jars"));
}

/**
 * Compares the jars of a folder with their locked sha256.
 * @param {string} folder
 * @param {string} lock lines of `<sha256>  <name>`
 * @throws {SetupError} if a jar is missing, was not locked or has another content
 */
export function verifyJars(folder, lock) {
  const locked = new Map(
    lock
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
    throw new SetupError(`The jars are not those of local/jars.sha256:\n${problems.join("\n")}\n${hint}`, 1);
  }
}

/**
 * Submits an empty script, because spark-submit resolves packages only for a job.
 * @param {string} ivy folder that receives the jars
 * @param {(line: string) => void} log
 */
async function resolveJars(ivy, log) {
  const script = join(ivy, "empty.py");
  writeFileSync(script, "");
  // The JRE does not know the certificates that this machine trusts, for instance a company proxy's.
  const trustStore = join(home, "truststore.p12");
  await run(python, ["cli/setup/truststore.py", trustStore, trustStorePassword], { log, hint });
  const sdk = ["s3", "dynamodb", "sts"].map((name) => `com.amazonaws:aws-java-sdk-${name}:${awsJavaSdkVersion}`);
  const java = [
    `-Djavax.net.ssl.trustStore=${trustStore}`,
    `-Djavax.net.ssl.trustStorePassword=${trustStorePassword}`,
    ...javaProxyOptions(childEnvironment("download")),
  ];
  await run(
    join(home, "python", "bin", "spark-submit"),
    [
      ...["--master", "local[1]", "--conf", `spark.jars.ivy=${ivy}`],
      ...["--packages", [hadoopAws, ...sdk].join(",")],
      // The bundle is 280 MB and covers every AWS service; the three modules above suffice.
      ...["--exclude-packages", "com.amazonaws:aws-java-sdk-bundle"],
      ...["--driver-java-options", joinJavaOptions(java), script],
    ],
    {
      log,
      // Ivy and Java print much else.
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
