import { join } from "node:path";

/** The folder in which `bootstrap.sh` installs on a real node; here it is below the node's folder. */
const installRoot = "/opt/orchard/";

export interface LocalSubmit {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** True when the step asked for cluster mode. */
  readonly isClusterMode: boolean;
}

interface LocalSpark {
  /** The folder that stands for the node's file system. */
  readonly root: string;
  readonly sparkHome: string;
  readonly python: string;
}

/**
 * Translates the arguments of spark-submit for YARN into a command for this machine: local[*], and install paths below
 * the node's folder. Driver and executors are one process, which gets the environment variables of both.
 */
export function localSparkSubmit(args: readonly string[], { root, sparkHome, python }: LocalSpark): LocalSubmit {
  const env: Record<string, string> = { PYSPARK_PYTHON: python };
  // A properties file and not SPARK_CONF_DIR: a folder on the class path would disable the JVM's class archive.
  const defaults = ["--properties-file", join(root, "conf/spark-defaults.conf")];
  // A task gets four attempts, as on YARN.
  const command = [join(sparkHome, "bin/spark-submit"), "--master", "local[*, 4]", ...defaults];
  let isClusterMode = false;
  for (let index = 0; index < args.length; index += 1) {
    const [flag, inline] = splitOption(args[index] ?? "");
    const value = inline ?? args[index + 1] ?? "";
    if (flag === "--master" || flag === "--deploy-mode") {
      isClusterMode ||= value === "cluster";
      index += inline === undefined ? 1 : 0;
    } else if (flag === "--conf" || flag === "-c") {
      const conf = value.replaceAll(
        new RegExp(`(^|[=:,\\s])${installRoot}`, "g"),
        (_, before) => `${before}${root}${installRoot}`,
      );
      const [key, setting] = splitOption(conf);
      const name = /^spark\.(?:yarn\.appMasterEnv|executorEnv)\.(.+)$/.exec(key)?.[1];
      if (name !== undefined) {
        env[name] = setting ?? "";
      }
      command.push("--conf", conf);
      index += inline === undefined ? 1 : 0;
    } else {
      command.push(args[index] ?? "");
    }
  }
  return { command, env, isClusterMode };
}

/** Splits "key=value" at the first equals sign. */
export function splitOption(text: string): readonly [string, string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
