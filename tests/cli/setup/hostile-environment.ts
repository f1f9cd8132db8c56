import lists from "./hostile-environment.json" with { type: "json" };

/** Variables that people have in their shells for their own work, each of which breaks or misleads a process of ours. */
export const hostileVariables: Readonly<Record<string, string>> = lists.variables;

/** AWS settings of somebody who works on another account, with real-looking keys. */
export const otherAccount: Readonly<Record<string, string>> = lists.otherAccount;

/** Proxies that answer nothing, in both spellings that programs read. */
export const deadProxies: Readonly<Record<string, string>> = Object.fromEntries(
  ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) =>
    [name, name.toLowerCase()].map((spelling) => [spelling, "http://127.0.0.1:9"]),
  ),
);
