// Downloads the jars with which Spark reads and writes s3:// paths, by Spark's own dependency resolver (Ivy).
import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { javaProxyOptions, joinJavaOptions } from "../../shared/java-options.mjs";
import { childEnvironment } from "./child-environment.mjs";
import { run } from "./child-processes.mjs";
import { javaHome, sitePackages } from "./python-packages.mjs";
import { SetupError } from "./setup-error.mjs";
import { home, python } from "./setup-paths.mjs";

const hadoopAws = "org.apache.hadoop:hadoop-aws:3.3.4";
const awsJavaSdkVersion = "1.12.262";
/** The JDK's customary password of a trust store, which protects nothing. */
const trustStorePassword = "changeit";
const hint =
  "Spark's own resolver loads the jars from Maven Central: check the network, HTTPS_PROXY, and DEFAULT_ARTIFACT_REPOSITORY if you have a mirror, and start again.";

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
  if (!readdirSync(partial).some((name) => name.includes("hadoop-aws"))) {
    throw new SetupError(`spark-submit resolved no hadoop-aws jar\n${hint}`, 1);
  }
  rmSync(join(home, "jars"), { recursive: true, force: true });
  renameSync(partial, join(home, "jars"));
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
