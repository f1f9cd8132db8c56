// Shows the setup's progress on stderr, so that the stdout of `--json` stays one JSON object.

const heartbeatMs = 15_000;
const isTty = process.stderr.isTTY === true;
const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
let frame = 0;

/** The parts that are being installed, each with its tool's latest line. @type {Map<string, {since: number, line: string}>} */
const running = new Map();

/** @param {string} line */
export function print(line) {
  process.stderr.write(isTty ? `\r\x1b[2K${line}\n` : `${line}\n`);
}

/** @param {number} since milliseconds of Date.now() */
export function elapsed(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * Shows a part as running while `work` runs, and as done when it has succeeded.
 * @param {string} name
 * @param {(log: (line: string) => void) => Promise<void>} work
 */
export async function showProgress(name, work) {
  const status = { since: Date.now(), line: "" };
  running.set(name, status);
  if (!isTty) print(`… ${name}`);
  try {
    await work((line) => {
      status.line = line;
    });
    print(`✔ ${name} (${elapsed(status.since)})`);
  } finally {
    running.delete(name);
  }
}

/** Keeps the display up to date: a spinner on a terminal, a line every 15 seconds elsewhere. @returns {() => void} ends it */
export function startDisplay() {
  const timer = isTty ? setInterval(drawStatus, 100) : setInterval(printHeartbeat, heartbeatMs);
  return () => clearInterval(timer);
}

function drawStatus() {
  if (running.size === 0) return;
  const parts = [...running].map(([name, { since }]) => `${name} ${elapsed(since)}`);
  const last = [...running.values()].map(({ line }) => line).find((line) => line !== "") ?? "";
  frame = (frame + 1) % frames.length;
  const text = `${frames[frame]} ${parts.join(" · ")}${last ? `   ${last}` : ""}`;
  process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

function printHeartbeat() {
  for (const [name, { since, line }] of running) {
    print(`… ${name}: ${elapsed(since)} so far${line ? `, ${line}` : ""}`);
  }
}
