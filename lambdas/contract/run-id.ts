/** Name of a new execution: its start (UTC), and four random hexadecimal digits for starts in the same second. */
export function newRunId(now: Date): string {
  const [date = "", time = ""] = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").split("T");
  // The Web Crypto API works in browsers, too: the local console also starts executions.
  const [random = 0] = crypto.getRandomValues(new Uint16Array(1));
  return `run-${date}-${time}-${random.toString(16).padStart(4, "0")}`;
}
