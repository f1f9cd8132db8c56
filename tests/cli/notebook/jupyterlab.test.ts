import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { installJupyterLab, runCells, serveNotebook } from "../../../cli/notebook/jupyterlab.ts";
import { CommandFailed } from "../../../cli/terminal/command-errors.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { installPart } from "../../../cli/toolchain/install-part.ts";
import { hostileVariables } from "../setup/hostile-environment.ts";

const { folder } = vi.hoisted(() => ({ folder: `${process.env["TMPDIR"] ?? "/tmp"}/orchard-jupyter-${process.pid}` }));
vi.mock("../../../cli/toolchain/places.ts", async (original) => {
  const module = await original<typeof import("../../../cli/toolchain/places.ts")>();
  return { ...module, places: { ...module.places, notebook: folder } };
});
vi.mock("../../../cli/toolchain/install-part.ts");

const notebook = join(tmpdir(), "a run.ipynb");
/** Records how it was started, and answers as JupyterLab does. */
const server = `#!/usr/bin/env node
const { writeFileSync } = require("node:fs");
const [, , ...args] = process.argv;
writeFileSync(${JSON.stringify(join(folder, "started.json"))}, JSON.stringify({ args, env: process.env }));
const port = Number(args.find((arg) => arg.startsWith("--ServerApp.port=")).split("=")[1]);
require("node:http")
  .createServer((request, response) => {
    const isAllowed = request.headers.authorization === "token " + process.env.JUPYTER_TOKEN;
    response.writeHead(isAllowed ? 200 : 403).end();
  })
  .listen(port, "127.0.0.1");
`;

function install(name: string, script: string): void {
  writeFileSync(join(folder, "bin", name), script);
  chmodSync(join(folder, "bin", name), 0o755);
}

beforeAll(() => mkdirSync(join(folder, "bin"), { recursive: true }));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

it("serves a notebook on this machine to those who know the token, without the person's settings, until the command ends", async () => {
  install("jupyter-lab", server);
  for (const [name, value] of Object.entries(hostileVariables)) vi.stubEnv(name, value);
  const lifetime = new Lifetime();
  const port = await getPort({ host: "127.0.0.1" });

  const { url, closed } = await serveNotebook(lifetime, notebook, port);

  const { args, env } = JSON.parse(readFileSync(join(folder, "started.json"), "utf8"));
  expect(url).toBe(`http://127.0.0.1:${port}/lab/tree/a%20run.ipynb?token=${env.JUPYTER_TOKEN}`);
  expect(env.JUPYTER_TOKEN).toMatch(/^[0-9a-f]{48}$/);
  expect(args).toEqual(expect.arrayContaining(["--ServerApp.ip=127.0.0.1", "--ServerApp.open_browser=False"]));
  // Other users of the machine can read the arguments.
  expect(args.join(" ")).not.toContain(env.JUPYTER_TOKEN);
  expect(Object.entries(env)).not.toEqual(
    expect.arrayContaining([expect.toSatisfy(([name, value]) => hostileVariables[name] === value)]),
  );
  expect(env.JUPYTER_CONFIG_DIR).toMatch(folder);
  await lifetime.close();
  expect(await closed).toMatchObject({ signal: "SIGTERM" });
});

it("shows what JupyterLab says when it does not start", async () => {
  install("jupyter-lab", "#!/bin/sh\necho 'Permission denied: runtime' >&2; exit 1");

  await expect(serveNotebook(new Lifetime(), notebook, 9)).rejects.toThrow(
    "JupyterLab did not start:\nPermission denied: runtime",
  );
});

it("shows the error of the cell that fails", async () => {
  install("jupyter-execute", "#!/bin/sh\necho 'FileNotFoundError: manifest.json' >&2; exit 1");

  await expect(runCells(new Lifetime(), notebook)).rejects.toThrow(
    `The cells of ${notebook} have failed:\nFileNotFoundError: manifest.json`,
  );
});

it("says where the notebook is when JupyterLab cannot be installed, such as without a network", async () => {
  vi.mocked(installPart).mockRejectedValueOnce(new CommandFailed("uv: no route to the index"));

  await expect(installJupyterLab(new Lifetime(), notebook)).rejects.toThrow(
    `JupyterLab cannot be installed: uv: no route to the index\nThe notebook is in ${notebook}.`,
  );
});
