import { metrics } from "../../lambdas/runtime/handler.ts";

/** Returns the metrics recorded since the last call, with value and unit by name. */
export function measured(): Readonly<Record<string, readonly [unknown, string]>> {
  const written = metrics.serializeMetrics() as unknown as Readonly<Record<string, unknown>> & {
    readonly _aws: {
      readonly CloudWatchMetrics: readonly { readonly Metrics: readonly { Name: string; Unit: string }[] }[];
    };
  };
  metrics.clearMetrics();
  const [{ Metrics } = { Metrics: [] }] = written._aws.CloudWatchMetrics;
  return Object.fromEntries(Metrics.map(({ Name, Unit }) => [Name, [written[Name], Unit]]));
}
