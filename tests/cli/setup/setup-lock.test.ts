import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, it } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";

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

/** Starts a process that holds the lock for some milliseconds and appends + and - to a file. */
function setUp(milliseconds: number) {
  const script = `
    import { appendFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { withSetupLock } from ${JSON.stringify(join(folder, "cli/setup/setup-lock.mjs"))};
    await withSetupLock(async () => {
      appendFileSync(${JSON.stringify(join(home, "work"))}, "+");
      await sleep(${milliseconds});
      appendFileSync(${JSON.stringify(join(home, "work"))}, "-");
    });`;
  return execa(process.execPath, ["--input-type=module", "-e", script], {
    timeout: 20_000,
    all: true,
  });
}

const work = () => readFileSync(join(home, "work"), "utf8");

it("lets one setup after the other work, and leaves no file", async () => {
  await Promise.all([setUp(100), setUp(100), setUp(100)]);

  expect(work()).toBe("+-+-+-");
  expect(readdirSync(home)).toEqual(["work"]);
});

it("waits for a setup that runs, and names it", async () => {
  const first = setUp(1_500);
  while (!existsSync(lock)) await new Promise((resolve) => setTimeout(resolve, 20));

  const { all } = await setUp(0);

  expect(all).toContain(`Waiting for another setup of this folder (process ${first.pid})`);
  await first;
  expect(work()).toBe("+-+-");
});

it.each([
  ["a process that has ended", "999999999 boot/1"],
  ["a process whose id another program has now", `${process.pid} boot/1`],
  ["an earlier version, without a start", String(process.pid)],
  ["a process that was killed before it could write", ""],
])("takes a lock that was left by %s", async (_owner, content) => {
  writeFileSync(lock, content);

  await Promise.all([setUp(50), setUp(50)]);

  expect(work()).toBe("+-+-");
  expect(readdirSync(home)).toEqual(["work"]);
});
