import type { Precision } from "../contract/choices.ts";
import type { Environment } from "../runtime/environment.ts";

/** The variables that name the deployed wheelhouses. The wheelhouse for bf16 is optional. */
export type WheelhouseSettings = Pick<
  Environment,
  "WHEELHOUSE_SHA256" | "WHEELHOUSE_ASSET" | "BF16_WHEELHOUSE_SHA256" | "BF16_WHEELHOUSE_ASSET"
>;

export interface DeployedWheelhouse {
  readonly sha256: string;
  /** s3:// URI of the deployment's asset. */
  readonly asset: string;
}

/** The wheelhouses that a run's nodes install, in their order. The one for bf16 is left out if it was not deployed. */
export function wheelhousesOf(precision: Precision, settings: WheelhouseSettings): readonly DeployedWheelhouse[] {
  const { WHEELHOUSE_SHA256, WHEELHOUSE_ASSET, BF16_WHEELHOUSE_SHA256, BF16_WHEELHOUSE_ASSET } = settings;
  const always = { sha256: WHEELHOUSE_SHA256, asset: WHEELHOUSE_ASSET };
  if (precision === "float32" || BF16_WHEELHOUSE_SHA256 === undefined || BF16_WHEELHOUSE_ASSET === undefined)
    return [always];
  return [always, { sha256: BF16_WHEELHOUSE_SHA256, asset: BF16_WHEELHOUSE_ASSET }];
}

/** The value of a cluster's tag: the sha256 of each wheelhouse that its nodes have installed. */
export function wheelhouseTagOf(wheelhouses: readonly DeployedWheelhouse[]): string {
  return wheelhouses.map(({ sha256 }) => sha256).join("+");
}
