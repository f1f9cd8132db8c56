// Settings of npm and pip that are in files: a company that mirrors packages often configures nothing else.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { childEnvironment } from "./child-environment.mjs";
import { root } from "./setup-paths.mjs";

/**
 * The environment of npm: for downloads, with the variables that the person's .npmrc files name as ${NAME}, such as a
 * registry's token.
 * @param {Readonly<Record<string, string | undefined>>} source
 */
export function npmEnvironment(source = process.env) {
  const environment = childEnvironment("download", source);
  const user = source["npm_config_userconfig"] ?? join(source["HOME"] ?? homedir(), ".npmrc");
  for (const file of [user, source["npm_config_globalconfig"], join(root, ".npmrc")]) {
    if (!file || !existsSync(file)) continue;
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/\$\{(\w+)\??\}/g)) {
      const value = source[name];
      if (value !== undefined) environment[name] = value;
    }
  }
  return environment;
}

/** uv's variable for a setting of pip. */
const uvNames = /** @type {const} */ ({
  "index-url": "UV_DEFAULT_INDEX",
  "extra-index-url": "UV_INDEX",
  "trusted-host": "UV_INSECURE_HOST",
  cert: "SSL_CERT_FILE",
});

/**
 * Translates pip's settings for uv, which does not read them.
 * @param {string} listed output of `pip config list`: lines such as global.index-url='https://mirror.example/simple'
 * @param {Readonly<Record<string, string | undefined>>} environment settings of uv that are set already stay
 */
export function uvSettings(listed, environment) {
  /** @type {Record<string, string>} */
  const settings = {};
  if (environment["UV_CONFIG_FILE"] || environment["UV_INDEX_URL"]) return settings;
  for (const line of listed.split("\n")) {
    const [, key = "", quoted = ""] = /^[\w:-]+\.([\w-]+)=(['"].*['"])$/.exec(line.trim()) ?? [];
    const name = Object.entries(uvNames).find(([known]) => known === key)?.[1];
    if (!name || environment[name]) continue;
    // pip writes Python's repr of the text: several values are on lines of their own.
    const values = quoted.slice(1, -1).split(/\\n|\s/);
    settings[name] = values.filter(Boolean).join(" ");
  }
  return settings;
}
