import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The project's folder. */
export const root = join(import.meta.dirname, "..", "..");

/** Where all that is generated on this machine lives. ORCHARD_HOME moves the account and the sample, for tests. */
const home = join(root, ".orchard");
const own = process.env["ORCHARD_HOME"] ?? home;

export const places = {
  account: join(own, "account"),
  accountLog: join(own, "account.log"),
  assemblies: join(own, "cdk.out"),
  sample: join(own, "sample"),
  tests: join(own, "tests"),
  bench: join(own, "bench"),
  model: join(home, "model"),
  /** Wheels for nodes that are this machine, and for EMR's. */
  wheelhouse: join(home, "wheelhouse", "wheelhouse.tar"),
  python: join(home, "python"),
  sparkDefaults: join(home, "spark", "spark-defaults.conf"),
  nodeBin: join(root, "node_modules", ".bin"),
} as const;

/** What `model.json` says of the model artifact. */
export interface ModelInfo {
  readonly name: string;
  readonly weights: "imagenet" | "seeded";
  readonly sha256: string;
  readonly bytes: number;
}

/** @throws Error when the model was never made */
export function readModelInfo(): ModelInfo {
  return JSON.parse(readFileSync(join(places.model, "model.json"), "utf8"));
}
