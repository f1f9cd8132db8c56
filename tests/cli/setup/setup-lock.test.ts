import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, it } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";
import { waitUntil } from "../../../shared/wait-until.ts";

let folder: string;
let home: string;
let lock: string;
beforeEach(() => {
  // The setup works on the folder that it is in.
  folder = mkdtempSync(join(tmpdir(), "orchard-lock-"));
  for (const name of ["cli/setup", "shared"]) cpSync(join(root, name), join(folder, name), { recursive: true });
  home = join(folder, ".orchard");
  mkdirSync(home);
  lock = join(home, "setup.lock");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Starts a process that holds the lock until a file exists, or for a moment, and appends + and - to another. */
function setUp(untilFile?: string) {
  const work = untilFile === undefined ? "sleep(50)" : `untilExists(${JSON.stringify(untilFile)})`;
  const script = `
    import { appendFileSync, existsSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { withSetupLock } from ${JSON.stringify(join(folder, "cli/setup/setup-lock.mjs"))};
    const untilExists = async (file) => {
      while (!existsSync(file)) await sleep(20);
    };
    await withSetupLock(async () => {
      appendFileSync(${JSON.stringify(join(home, "work"))}, "+");
      await ${work};
      appendFileSync(${JSON.stringify(join(home, "work"))}, "-");
    });`;
  return execa(process.execPath, ["--input-type=module", "-e", script], {
    timeout: 120_000,
    all: true,
  });
}

const work = () => readFileSync(join(home, "work"), "utf8");

it("lets one setup after the other work, and leaves no file", async () => {
  await Promise.all([setUp(), setUp(), setUp()]);

  expect(work()).toBe("+-+-+-");
  expect(readdirSync(home)).toEqual(["work"]);
});

it("waits for a setup that runs, and names it", async () => {
  const done = join(home, "done");
  const first = setUp(done);
  await waitUntil(() => existsSync(lock), {});
  const second = setUp();

  let shown = "";
  second.all.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
  });
  await waitUntil(() => shown.includes("\n"), { timeoutMs: 120_000 });
  writeFileSync(done, "");
  await Promise.all([first, second]);

  expect(shown).toContain(`Waiting for another setup of this folder (process ${first.pid})`);
  expect(work()).toBe("+-+-");
});

it.each([
  ["a process that has ended", "999999999 boot/1"],
  ["a process whose id another program has now", `${process.pid} boot/1`],
  ["an earlier version, without a start", String(process.pid)],
  ["a process that was killed before it could write", ""],
])("takes a lock that was left by %s", async (_owner, content) => {
  writeFileSync(lock, content);

  await Promise.all([setUp(), setUp()]);

  expect(work()).toBe("+-+-");
  expect(readdirSync(home)).toEqual(["work"]);
});
