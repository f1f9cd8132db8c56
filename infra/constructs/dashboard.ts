import { ArnFormat, Duration, Stack } from "aws-cdk-lib";
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  MathExpression,
  Metric,
} from "aws-cdk-lib/aws-cloudwatch";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { orchardMetric } from "./metrics.ts";

interface OverviewProps {
  readonly dashboardName: string;
  readonly stateMachine: StateMachine;
  /** Receives every event of every execution. */
  readonly logGroup: ILogGroup;
}

const width = 8;
const hour = Duration.hours(1);
/** EMR emits metrics every five minutes. https://docs.aws.amazon.com/emr/latest/ManagementGuide/UsingEMR_ViewingMetrics.html */
const emrPeriod = Duration.minutes(5);

function graph(title: string, left: IMetric[], right: IMetric[] = []): IWidget {
  return new GraphWidget({ title, left, right, width });
}

/** A metric of all clusters, past and present, since each transient cluster has a new JobFlowId. */
function ofEachCluster(metricName: string): IMetric {
  return new MathExpression({
    expression: `SEARCH('{AWS/ElasticMapReduce,JobFlowId} MetricName="${metricName}"', 'Average')`,
    usingMetrics: {},
    label: metricName,
    period: emrPeriod,
  });
}

/** The duration of a .sync call. All three steps share this metric, as do other state machines with the same call. */
function integrationTime(stack: Stack, call: string): IMetric {
  return new Metric({
    namespace: "AWS/States",
    metricName: "ServiceIntegrationRunTime",
    dimensionsMap: {
      ServiceIntegrationResourceArn: stack.formatArn({
        service: "states",
        resource: "elasticmapreduce",
        resourceName: `${call}.sync`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    },
    statistic: "Average",
    label: call,
    period: hour,
  });
}

/** Step Functions has no metrics of single states, so query the events in its log. */
const durationsByState = [
  "filter type in ['TaskStateEntered', 'TaskStateExited']",
  "stats (max(@timestamp) - min(@timestamp)) / 1000 as seconds by execution_arn, details.name as state",
  "stats count(*) as runs, avg(seconds), max(seconds) by state",
  "sort max(seconds) desc",
];

/** A dashboard of runs, images, cost, errors, durations and clusters. The first three dashboards of an account are free. */
export class Overview extends Construct {
  constructor(scope: Construct, id: string, { dashboardName, stateMachine, logGroup }: OverviewProps) {
    super(scope, id);
    const sum = (name: string): IMetric => orchardMetric(name, "Sum", hour);
    const dashboard = new Dashboard(this, "Dashboard", { dashboardName, defaultInterval: Duration.days(7) });
    dashboard.addWidgets(
      graph("Runs", [
        stateMachine.metricStarted({ period: hour }),
        stateMachine.metricSucceeded({ period: hour }),
        stateMachine.metricFailed({ period: hour }),
        stateMachine.metricTimedOut({ period: hour }),
        stateMachine.metricAborted({ period: hour }),
        sum("SkippedExecutions"),
      ]),
      graph("Images", [sum("Images")], [orchardMetric("ImagesPerSecond", "Average", hour)]),
      graph("Cost (USD)", [sum("QuotedUsd"), sum("CostUsd")]),
    );
    dashboard.addWidgets(
      graph("Errors", [sum("ImageErrors"), sum("NotificationFailed")]),
      graph(
        "Clusters at each sweep",
        ["AliveClusters", "TerminatingClusters", "EndedClusters"].map((name) => orchardMetric(name, "Maximum", hour)),
        [orchardMetric("OldestClusterHours", "Maximum", hour)],
      ),
      graph("Time of a run and of EMR's calls (ms)", [
        stateMachine.metricTime({ period: hour }),
        ...["createCluster", "addStep", "terminateCluster"].map((call) => integrationTime(Stack.of(this), call)),
      ]),
    );
    dashboard.addWidgets(
      new LogQueryWidget({
        title: "Seconds by state",
        logGroupNames: [logGroup.logGroupName],
        queryLines: durationsByState,
        view: LogQueryVisualizationType.TABLE,
        width: 3 * width,
      }),
    );
    dashboard.addWidgets(
      // EC2 has no metrics by cluster; if nothing else runs in the region, these are the cluster's nodes.
      graph("CPU of the region's instances (%)", [
        new MathExpression({
          expression: `SEARCH('{AWS/EC2,InstanceId} MetricName="CPUUtilization"', 'Average')`,
          usingMetrics: {},
          label: "",
          period: emrPeriod,
        }),
      ]),
      graph("YARN memory (MB)", ["MemoryTotalMB", "MemoryAllocatedMB", "MemoryAvailableMB"].map(ofEachCluster)),
      graph("HDFS (%)", [ofEachCluster("HDFSUtilization")], [ofEachCluster("MissingBlocks")]),
    );
    dashboard.addWidgets(
      graph("YARN: memory available (%)", [ofEachCluster("YARNMemoryAvailablePercentage")]),
      graph("YARN: containers", ["ContainerAllocated", "ContainerPending"].map(ofEachCluster)),
      graph("YARN: nodes and idleness", ["MRActiveNodes", "MRUnhealthyNodes", "IsIdle"].map(ofEachCluster)),
    );
  }
}
