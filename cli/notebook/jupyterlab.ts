// JupyterLab in an environment of its own, which is installed on first use.
import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { isTerminal } from "../terminal/confirm.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { hasBrowser } from "../terminal/open-page.ts";
import { installPart } from "../toolchain/install-part.ts";
import { places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";
import { fetchFrom, serve } from "../toolchain/serve-tool.ts";

const bin = join(places.notebook, "bin");
const tokenBytes = 24;
/** Jupyter waits up to 5 seconds for its kernels (KernelManager.shutdown_wait_time). */
const graceMs = 15_000;

/**
 * Installs JupyterLab, unless it is there.
 *
 * @throws CommandFailed when it cannot be installed
 */
export async function installJupyterLab(lifetime: Lifetime, file: string): Promise<void> {
  try {
    await installPart(lifetime, "notebook");
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new CommandFailed(
      `JupyterLab cannot be installed: ${error.message}\nThe notebook is in ${file}. Any Jupyter with pandas, pyarrow and matplotlib opens it.`,
    );
  }
}

/** Variables that a browser needs to appear on the person's screen. */
const forBrowsers = ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/** Keeps out the person's own settings, extensions and start-up files of Jupyter, IPython and Matplotlib. */
function jupyterEnvironment(): NodeJS.ProcessEnv {
  const settings = join(places.notebook, "settings");
  return {
    ...childEnvironment("tool"),
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => forBrowsers.includes(name))),
    JUPYTER_CONFIG_DIR: join(settings, "config"),
    JUPYTER_CONFIG_PATH: join(settings, "config"),
    JUPYTER_DATA_DIR: join(settings, "data"),
    JUPYTER_RUNTIME_DIR: join(settings, "runtime"),
    JUPYTERLAB_SETTINGS_DIR: join(settings, "lab"),
    JUPYTERLAB_WORKSPACES_DIR: join(settings, "workspaces"),
    IPYTHONDIR: join(settings, "ipython"),
    MPLCONFIGDIR: join(settings, "matplotlib"),
    PYTHONNOUSERSITE: "1",
  };
}

/**
 * Runs all cells of a notebook, and writes their output to it.
 *
 * @throws CommandFailed with the error of the cell that fails
 */
export async function runCells(lifetime: Lifetime, file: string): Promise<void> {
  const { failed, output } = await runTool(lifetime, join(bin, "jupyter-execute"), ["--inplace", file], {
    env: jupyterEnvironment(),
    cwd: dirname(file),
  });
  if (failed) throw new CommandFailed(`The cells of ${file} have failed:\n${output.trimEnd()}`);
}

/**
 * Serves a notebook on 127.0.0.1 to those who know the token, until the command ends.
 *
 * @returns the address with the token, once it can be opened; `closed` settles when JupyterLab ends
 * @throws CommandFailed with JupyterLab's output when it does not start
 */
export async function serveNotebook(
  lifetime: Lifetime,
  file: string,
  port: number,
): Promise<{ readonly url: string; readonly closed: Promise<unknown> }> {
  const token = randomBytes(tokenBytes).toString("hex");
  const address = `http://127.0.0.1:${port}`;
  const settings = [
    "ServerApp.ip=127.0.0.1",
    `ServerApp.port=${port}`,
    // Fail if the port is in use: another port would not be the announced one.
    "ServerApp.port_retries=0",
    `ServerApp.root_dir=${dirname(file)}`,
    // JupyterLab hands the token to the browser in a file, and not in an argument that others can read.
    `ServerApp.open_browser=${isTerminal(process.stdout) && hasBrowser(process.env) ? "True" : "False"}`,
    // Jupyter refuses to run as root, who is the only user of many containers.
    ...(userInfo().uid === 0 ? ["ServerApp.allow_root=True"] : []),
    // Nothing is asked from the network.
    "LabApp.news_url=None",
    "LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "LabApp.extension_manager=readonly",
  ];
  const { ended } = await serve(
    lifetime,
    "JupyterLab",
    join(bin, "jupyter-lab"),
    [...settings.map((setting) => `--${setting}`), file],
    {
      // Pass the token in the environment, because other users can read the arguments of a process.
      env: { ...jupyterEnvironment(), JUPYTER_TOKEN: token },
      cwd: dirname(file),
      graceMs,
      isReady: async () => (await fetchFrom(`${address}/api/status`, { authorization: `token ${token}` }))?.ok === true,
    },
  );
  return { url: `${address}/lab/tree/${encodeURIComponent(basename(file))}?token=${token}`, closed: ended };
}
