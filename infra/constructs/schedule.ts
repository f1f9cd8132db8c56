import { Duration, Stack, TimeZone } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from "aws-cdk-lib/aws-scheduler";
import { Universal } from "aws-cdk-lib/aws-scheduler-targets";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { IStateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";

interface ExecutionScheduleProps {
  readonly stateMachine: IStateMachine;
  /** cron(…), rate(…) or at(…), as EventBridge Scheduler takes them. */
  readonly expression: string;
  /** IANA name. */
  readonly timeZone: string;
  /** The execution's input. */
  readonly input: object;
}

/** Starts executions by the clock. */
export class ExecutionSchedule extends Construct {
  /** Starts that could not be handed over to Step Functions. */
  readonly missedStarts: Queue;

  constructor(scope: Construct, id: string, props: ExecutionScheduleProps) {
    super(scope, id);
    const { stateMachineArn } = props.stateMachine;
    this.missedStarts = new Queue(this, "MissedStarts", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    new Schedule(this, "Schedule", {
      description: "Starts an Orchard execution",
      schedule: ScheduleExpression.expression(props.expression, TimeZone.of(props.timeZone)),
      // Not the target made for Step Functions: that one names no execution, and Scheduler delivers at least once. A
      // second delivery under the same id finds that the execution exists. The id's letters and digits are a legal tag
      // value, which Preflight asks for.
      target: new Universal({
        service: "sfn",
        action: "startExecution",
        policyStatements: [new PolicyStatement({ actions: ["states:StartExecution"], resources: [stateMachineArn] })],
        input: ScheduleTargetInput.fromObject({
          StateMachineArn: stateMachineArn,
          Name: ContextAttribute.executionId,
          Input: Stack.of(this).toJsonString(props.input),
        }),
        // An hour late is late enough: the next start is better than two at once.
        maxEventAge: Duration.hours(1),
        retryAttempts: 10,
        deadLetterQueue: this.missedStarts,
      }),
    });
  }
}
