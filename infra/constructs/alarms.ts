import { Duration } from "aws-cdk-lib";
import { Alarm, type AlarmProps, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { orchardMetric } from "./metrics.ts";

interface AlarmsProps {
  readonly topic: ITopic;
  readonly stateMachine: StateMachine;
  /** The functions whose failure may leave a cluster running, by their name in the alarm. */
  readonly guards: Readonly<Record<string, IFunction>>;
  readonly deadLetterQueues: Readonly<Record<string, IQueue>>;
  readonly sweep: IFunction;
  readonly clusterHours: number;
}

interface AlarmSettings {
  readonly description: string;
  /** Lowest value that raises the alarm. @default 1 */
  readonly threshold?: number;
  /** Periods in a row that have to reach the threshold. @default 1 */
  readonly periods?: number;
}

const period = Duration.minutes(5);
/** The sweep's interval. */
const sweepInterval = Duration.minutes(15);
/** The sweep's metrics have a value every 15 minutes. A period of the same length would sometimes have none. */
const sweepPeriod = Duration.minutes(30);

/** Alarms that send mails to the topic. The first ten alarms of an account are free, the others 0.10 USD a month. */
export class Alarms extends Construct {
  readonly #topic: ITopic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#topic = props.topic;
    const { stateMachine, guards, deadLetterQueues, clusterHours, sweep } = props;

    this.#add("ExecutionFailed", stateMachine.metricFailed({ period }), {
      description: "An execution failed; its own mail says why.",
    });
    this.#add("ExecutionTimedOut", stateMachine.metricTimedOut({ period }), {
      description: "An execution ran out of time.",
    });
    this.#add("ExecutionAborted", stateMachine.metricAborted({ period }), {
      description: "An execution was stopped.",
    });
    this.#add("ClusterOld", orchardMetric("OldestClusterHours", "Maximum", sweepPeriod), {
      description: `A cluster is older than ${clusterHours} hours and costs money: aws emr list-clusters --active`,
      threshold: clusterHours,
    });
    // With the minimum, every sweep of an hour has to find one: clusters usually terminate within minutes.
    this.#add("ClusterStuck", orchardMetric("TerminatingClusters", "Minimum", sweepPeriod), {
      description:
        "A cluster has been TERMINATING for an hour and may cost money; if its instances still run in EC2, ask AWS Support: aws emr list-clusters --active",
      periods: 2,
    });
    this.#add("SweepActed", orchardMetric("EndedClusters", "Sum", sweepPeriod), {
      description: "The sweep ended a cluster that nothing else had ended; its log says which and why.",
    });
    this.#addSweepMissing(sweep);
    this.#add("NotificationFailed", orchardMetric("NotificationFailed", "Sum"), {
      description: "A mail about an execution could not be handed over: look at the execution itself.",
    });
    for (const [name, queue] of Object.entries(deadLetterQueues)) {
      const messages = queue.metricApproximateNumberOfMessagesVisible({ period, statistic: "Maximum" });
      const description = `Something could not be delivered and waits in the queue ${name}.`;
      this.#add(`${name}NotEmpty`, messages, { description });
    }
    for (const [name, guard] of Object.entries(guards)) {
      const description = `The function ${name} failed; its log says why.`;
      this.#add(`${name}Errors`, guard.metricErrors({ period }), { description });
    }
  }

  #add(name: string, metric: IMetric, { description, threshold = 1, periods = 1 }: AlarmSettings): void {
    this.#raise(name, {
      metric,
      alarmDescription: description,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      // There is no data when nothing ran and nothing failed.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
  }

  /** A disabled rule and a throttled function cause no error: Lambda then has no data point at all. */
  #addSweepMissing(sweep: IFunction): void {
    this.#raise("SweepMissing", {
      metric: sweep.metricInvocations({ period: sweepInterval, statistic: "Sum" }),
      alarmDescription:
        "Nothing has called the sweep for 45 minutes (normal before its first call): look at its rule, its concurrency and aws emr list-clusters --active",
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 3,
      treatMissingData: TreatMissingData.BREACHING,
    });
  }

  #raise(name: string, props: AlarmProps): void {
    new Alarm(this, name, props).addAlarmAction(new SnsAction(this.#topic));
  }
}
