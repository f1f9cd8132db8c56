/**
 * Joins options of a JVM into the text that Spark splits at spaces (CommandBuilderUtils.parseOptionString of Spark
 * 3.5). Between double quotes, a backslash escapes the next character.
 * @param {readonly string[]} options
 */
export function joinJavaOptions(options) {
  return options.map((option) => `"${option.replaceAll(/[\\"]/g, "\\$&")}"`).join(" ");
}

/**
 * The JVM's options for the proxies of an environment, because a JVM does not read HTTPS_PROXY.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {readonly string[]}
 */
export function javaProxyOptions(env) {
  const hosts = env["no_proxy"] ?? env["NO_PROXY"];
  const options = ["http", "https"].flatMap((scheme) => {
    const proxy = env[`${scheme}_proxy`] ?? env[`${scheme.toUpperCase()}_PROXY`];
    if (!proxy) return [];
    const { protocol, hostname, port } = new URL(proxy.includes("://") ? proxy : `http://${proxy}`);
    const usualPort = protocol === "https:" ? "443" : "80";
    return [`-D${scheme}.proxyHost=${hostname}`, `-D${scheme}.proxyPort=${port || usualPort}`];
  });
  if (options.length === 0 || !hosts) return options;
  // NO_PROXY marks a domain by a leading dot, and Java by a star.
  const patterns = hosts.split(",").map((host) => host.trim().replace(/^\*?\./, "*."));
  return [...options, `-Dhttp.nonProxyHosts=${patterns.filter(Boolean).join("|")}`];
}
