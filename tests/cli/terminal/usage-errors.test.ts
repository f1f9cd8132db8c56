import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runInProcess } from "./in-process.ts";

const path = process.env["PATH"];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-cli-"));
  writeFileSync(join(folder, "broken.json"), "{ mode: ");
  writeFileSync(join(folder, "list.json"), '["mini"]');
  // The commands find no running account in this home; cli/toolchain/places.ts reads it when it is imported.
  vi.stubEnv("ORCHARD_HOME", folder);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe("a usage error ends with exit code 2 and one message before anything is started", () => {
  const wrong: readonly (readonly [args: string, message: RegExp])[] = [
    ["nonsense", /unknown command 'nonsense'/],
    ["start --nonsense", /unknown option '--nonsense'/],
    ["reduce --features x", /required option '--output <path>' not specified/],
    ["reduce --features x --output y", /One of --components and --variance is needed/],
    ["reduce --features x --output y --components 5 --variance 0.5", /One of --components and --variance is needed/],
    ["reduce --features x --output y --components 1e2", /--components must be a whole number of 1 or more, not "1e2"/],
    ["reduce --features x --output y --variance 1.1", /--variance must be a number above 0 and at most 1, not "1.1"/],
    ["project --features x --output y", /required option '--model <path>' not specified/],
    ["start more", /too many arguments/],
    ["start --mode small", /'small' is invalid\. Allowed choices are inventory, mini, apples, full, single-class/],
    ["start --mode mnii", /Allowed choices are .*\. Did you mean mini\?/],
    ["run --layout lable", /Allowed choices are split\/label, label\. Did you mean label\?/],
    ["completion bsh", /Did you mean bash\?/],
    ["start --moed mini", /unknown option '--moed'\n\(Did you mean --mode\?\)/],
    ["stat", /unknown command 'stat'\n\(Did you mean (one of )?.*start/],
    ["local staus", /unknown command 'staus'\n\(Did you mean status\?\)/],
    ["local everything", /unknown command 'everything'\n\(--help/],
    ["start --mode single-class", /needs a label/],
    ["start --label Kiwi", /--label goes with --mode single-class, not with --mode mini/],
    ["start --limit 1", /--limit must be a whole number of 2 or more, not "1"/],
    ["start --splits Training, --mode full", /--splits must name folders, such as Training,Test, not "Training,"/],
    ["run --layout splits", /--layout.*Allowed choices are split\/label, label/],
    ["start --limit 2.5", /--limit must be a whole number/],
    ["start --components 0", /--components must be a whole number of 1 or more/],
    ["start --variance 1.1", /--variance must be a number above 0 and at most 1/],
    ["start --variance 0", /--variance must be a number above 0/],
    ["start --variance 0.9 --components 5", /exclude each other/],
    ["start --keep-minutes 0", /--keep-minutes must be a whole number of 1 or more/],
    ["start --keep-minutes 30", /keepMinutes needs --keep/],
    ["start --cluster-id j-1", /There is no cluster j-1: no account is running/],
    ["start --input {}/list.json --cluster-id j-1", /cannot go with --cluster-id/],
    ["run --confirm-above much", /--confirm-above must be US dollars, such as 2\.50, not "much"/],
    ["start --port 70000", /--port must be a whole number from 1 to 65535/],
    ["start --dataset ./nowhere", /does not exist/],
    ["start --input ./nowhere.json", /cannot be read/],
    ["start --input {}/broken.json", /is not JSON/],
    ["start --input {}/list.json", /must hold one JSON object/],
    ["start --input {}/list.json --mode mini", /cannot go with --mode/],
    ["test --only nonsense", /There is no suite nonsense/],
  ];

  it.each(wrong)("%s", async (args, message) => {
    const { exitCode, stdout, stderr } = await runInProcess(...args.split(" ").map((arg) => arg.replace("{}", folder)));

    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });
});

describe("--yarn without mount namespaces", () => {
  let bin: string;
  beforeAll(() => {
    bin = mkdtempSync(join(tmpdir(), "orchard-no-namespaces-"));
  });
  afterAll(() => rmSync(bin, { recursive: true }));

  it.each([
    ["forbids them", "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1", /Operation not permitted/],
    ["has none", undefined, /spawnSync unshare ENOENT/],
  ])("on a machine that %s ends with exit code 2 and what to do, and creates nothing", async (_, unshare, reason) => {
    rmSync(join(bin, "unshare"), { force: true });
    if (unshare) writeFileSync(join(bin, "unshare"), `#!/bin/bash\n${unshare}\n`, { mode: 0o755 });
    vi.stubEnv("PATH", bin);
    const before = readdirSync(folder);

    const ended = [await runInProcess("start", "--yarn"), await runInProcess("local", "up", "--yarn", "--detach")];

    vi.stubEnv("PATH", path);
    for (const { exitCode, stdout, stderr } of ended) {
      expect(stderr).toMatch(
        /^--yarn gives each node an \/opt of its own .* Without --yarn, Spark runs in one process\.$/,
      );
      expect(stderr).toMatch(reason);
      expect(stdout).toBe("");
      expect(exitCode).toBe(2);
    }
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe("a port in use", () => {
  let server: Server;
  let port: number;
  beforeAll(async () => {
    port = await getPort({ host: "127.0.0.1" });
    server = createServer((socket) => socket.end("not an account")).listen(port, "127.0.0.1");
  });
  afterAll(() => {
    server.close();
  });

  it.each(["start", "notebook"])("is rejected by %s with exit code 2 and a remedy", async (command) => {
    const { exitCode, stderr } = await runInProcess(command, "--json", "--port", String(port));

    expect(stderr).toContain(`Port ${port} is in use by another program. Choose a free one with --port.`);
    expect(exitCode).toBe(2);
  });
});
