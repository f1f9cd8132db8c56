import { join, resolve } from "node:path";
import { home, root } from "../setup/setup-paths.mjs";

export { root };

/** Folder of the account, the sample and other generated files. Tests move them with ORCHARD_HOME. */
const movableHome = process.env["ORCHARD_HOME"] ?? home;

export const places = {
  account: join(movableHome, "account"),
  assemblies: join(movableHome, "cdk.out"),
  sample: join(movableHome, "sample"),
  tests: join(movableHome, "tests"),
  bench: join(movableHome, "bench"),
  model: join(home, "model"),
  /** Wheels for the emulated nodes, which run on this machine. */
  wheelhouse: join(home, "wheelhouse", "wheelhouse.tar"),
  /** Wheels that the nodes of runs in bf16 install in addition, on this machine as on EMR. */
  bf16Wheelhouse: join(home, "wheelhouse-bf16", "wheelhouse.tar"),
  python: join(home, "python"),
  sparkDefaults: join(home, "spark", "spark-defaults.conf"),
  /** StrykerJS, Cosmic Ray and the copies of the project that they change. */
  mutation: join(home, "mutation"),
  /** JupyterLab, with the packages that the notebooks import. */
  notebook: join(home, "notebook"),
  nodeBin: join(root, "node_modules", ".bin"),
} as const;

/** The folder in which the person is. npm passes it as INIT_CWD, because it runs scripts in the project's folder. */
export function personsFolder(): string {
  return process.env["INIT_CWD"] ?? process.cwd();
}

/** Resolves a path against the folder in which the person is. */
export function fromPerson(path: string): string {
  return resolve(personsFolder(), path);
}
