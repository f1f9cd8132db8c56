// The environment of every process that the project starts. A process gets only the variables that are listed here, and
// those that ORCHARD_INHERIT names if it uses the network. The person's settings of Spark, Java, Python, pip, Node and AWS
// are for their own work, and each of them has broken or misled a command that inherited it.
import { existsSync } from "node:fs";
import { compileCache } from "./setup-paths.mjs";

/**
 * Why a process is started: `tool` works on this machine alone, `download` also fetches packages from the network,
 * `account` also uses the person's AWS account.
 * @typedef {"tool" | "download" | "account"} Purpose
 */

/** Where programs and files are, what the terminal can show, and the project's own settings. */
const forTools = [
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TERM|COLORTERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|CI|INIT_CWD)$/,
  /^ORCHARD_/,
];

/** Proxies, certificates, package indexes and caches, and the version managers that find Python. */
const forDownloads = [
  /^(https?|all|no)_proxy$/i,
  /^(SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS)$/,
  /^(NETRC|XDG_CONFIG_HOME|XDG_CONFIG_DIRS|XDG_CACHE_HOME|XDG_DATA_HOME|KERAS_HOME)$/,
  /^PIP_(CONFIG_FILE|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|KEYRING_PROVIDER)$/,
  /^PIP_(PROXY|CERT|CLIENT_CERT|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|CACHE_DIR|NO_CACHE_DIR)$/,
  /^UV_(CONFIG_FILE|DEFAULT_INDEX|INDEX|INDEX_.+|EXTRA_INDEX_URL|FIND_LINKS|INSECURE_HOST|KEYRING_PROVIDER)$/,
  /^UV_(NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|OFFLINE|CACHE_DIR|NO_CACHE|LINK_MODE|CONCURRENT_DOWNLOADS)$/,
  /^npm_config_(userconfig|globalconfig|registry|.*:registry|\/\/.+|_auth.*|proxy|https?[-_]proxy|no_?proxy)$/i,
  /^npm_config_(ca|cafile|cert|key|strict[-_]ssl|cache|maxsockets|fetch[-_].+|prefer[-_]offline|ignore[-_]scripts)$/i,
  // The Maven repository from which Spark resolves packages.
  /^DEFAULT_ARTIFACT_REPOSITORY$/,
  /^(PYENV|ASDF|MISE)_/,
];

/** The person's AWS settings, and the variables that a credential_process or single sign-on needs to ask the person. */
const forAccounts = [
  /^AWS_/,
  /^(SSH_AUTH_SOCK|GNUPGHOME|GPG_TTY|DBUS_SESSION_BUS_ADDRESS|XDG_RUNTIME_DIR|DISPLAY|WAYLAND_DISPLAY|BROWSER)$/,
];

/** @type {Readonly<Record<Purpose, readonly RegExp[]>>} */
const allowed = {
  tool: forTools,
  download: [...forTools, ...forDownloads],
  account: [...forTools, ...forDownloads, ...forAccounts],
};

/** macOS has no C.UTF-8. Without a UTF-8 locale, a JVM reads letters beyond ASCII in arguments and paths as "?". */
const utf8Locales = { darwin: "en_US.UTF-8", others: "C.UTF-8" };

/** Overrides settings of pip's configuration files that would break the project's own environments. */
const ownPackages = { PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0", PIP_NO_INPUT: "1", UV_PYTHON_DOWNLOADS: "never" };

const loopback = ["127.0.0.1", "localhost", "::1"];

/**
 * Makes the complete environment of a child process.
 * @param {Purpose} purpose
 * @param {Readonly<Record<string, string | undefined>>} source the environment of the person
 * @returns {Record<string, string>}
 */
export function childEnvironment(purpose, source = process.env) {
  const names = allowed[purpose];
  const others = purpose === "tool" ? [] : (source["ORCHARD_INHERIT"] ?? "").split(/[\s,]+/);
  /** @type {Record<string, string>} */
  const environment = {};
  for (const [name, value] of Object.entries(source)) {
    const isAllowed = names.some((pattern) => pattern.test(name)) || others.includes(name);
    if (value !== undefined && isAllowed) environment[name] = value;
  }
  // Node and the CDK fail when TMPDIR is not a folder, whereas Python falls back to /tmp.
  if (environment["TMPDIR"] && !existsSync(environment["TMPDIR"])) delete environment["TMPDIR"];
  environment["LANG"] = process.platform === "darwin" ? utf8Locales.darwin : utf8Locales.others;
  environment["NODE_COMPILE_CACHE"] = compileCache;
  return purpose === "tool" ? environment : { ...environment, ...ownPackages, ...exceptLoopback(source) };
}

/**
 * Sets NO_PROXY in upper and in lower case, because some programs read only one of them.
 * @param {Readonly<Record<string, string | undefined>>} source
 */
function exceptLoopback(source) {
  const hosts = [source["no_proxy"] ?? source["NO_PROXY"], ...loopback].filter(Boolean).join(",");
  return { NO_PROXY: hosts, no_proxy: hosts };
}

/** These commands use the embedded account alone. */
const embeddedCommands = ["start", "local"];

/**
 * Makes the environment of a command of cli/commands/.
 * @param {string | undefined} command
 * @param {Readonly<Record<string, string | undefined>>} source
 */
export function commandEnvironment(command, source = process.env) {
  return childEnvironment(embeddedCommands.includes(command ?? "") ? "tool" : "account", source);
}
