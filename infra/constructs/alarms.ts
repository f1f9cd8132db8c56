import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
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
  readonly clusterHours: number;
}

const period = Duration.minutes(5);
/** The sweep runs, and measures, once per period. */
const sweepPeriod = Duration.minutes(15);

/** Alarms that send mails to the topic. The first ten alarms of an account are free. */
export class Alarms extends Construct {
  readonly #topic: ITopic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#topic = props.topic;
    const { stateMachine, guards, deadLetterQueues, clusterHours } = props;

    this.#add("ExecutionFailed", stateMachine.metricFailed({ period }), "An execution failed; its own mail says why.");
    this.#add("ExecutionTimedOut", stateMachine.metricTimedOut({ period }), "An execution ran out of time.");
    this.#add("ExecutionAborted", stateMachine.metricAborted({ period }), "An execution was stopped.");
    this.#add(
      "ClusterOld",
      orchardMetric("OldestClusterHours", "Maximum", sweepPeriod),
      `A cluster is older than ${clusterHours} hours and costs money: aws emr list-clusters --active`,
      clusterHours,
    );
    this.#add(
      "SweepActed",
      orchardMetric("EndedClusters", "Sum", sweepPeriod),
      "The sweep ended a cluster that nothing else had ended; its log says which and why.",
    );
    this.#add(
      "NotificationFailed",
      orchardMetric("NotificationFailed", "Sum"),
      "A mail about an execution could not be handed over: look at the execution itself.",
    );
    for (const [name, queue] of Object.entries(deadLetterQueues)) {
      const messages = queue.metricApproximateNumberOfMessagesVisible({ period, statistic: "Maximum" });
      this.#add(`${name}NotEmpty`, messages, `Something could not be delivered and waits in the queue ${name}.`);
    }
    for (const [name, guard] of Object.entries(guards)) {
      this.#add(`${name}Errors`, guard.metricErrors({ period }), `The function ${name} failed; its log says why.`);
    }
  }

  /** @param threshold lowest value that raises the alarm */
  #add(name: string, metric: IMetric, alarmDescription: string, threshold = 1): void {
    const alarm = new Alarm(this, name, {
      metric,
      alarmDescription,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      // There is no data when nothing ran and nothing failed.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.#topic));
  }
}
