import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { metricNamespace, serviceName } from "./handler.ts";

/** A metric that the functions emit (docs/contracts.md, "Metrics"). */
export function orchardMetric(metricName: string, statistic: string, period = Duration.minutes(5)): Metric {
  return new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { service: serviceName },
    statistic,
    period,
  });
}
