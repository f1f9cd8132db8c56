import { Duration, Stack, TimeZone } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from "aws-cdk-lib/aws-scheduler";
import { Universal } from "aws-cdk-lib/aws-scheduler-targets";
import { Queue } from "aws-cdk-lib/aws-sqs";
import type { IStateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { deadLetterQueueProps } from "./dead-letter-queue.ts";

interface ExecutionScheduleProps {
  readonly stateMachine: IStateMachine;
  /** cron(…), rate(…) or at(…), as EventBridge Scheduler takes them. */
  readonly expression: string;
  /** IANA time zone. */
  readonly timeZone: string;
  /** The execution input. */
  readonly input: object;
}

/** Starts executions on a schedule. */
export class ExecutionSchedule extends Construct {
  /** Dead-letter queue of starts that Scheduler could not deliver to Step Functions. */
  readonly missedStarts: Queue;

  constructor(scope: Construct, id: string, props: ExecutionScheduleProps) {
    super(scope, id);
    const { stateMachineArn } = props.stateMachine;
    this.missedStarts = new Queue(this, "MissedStarts", deadLetterQueueProps);
    new Schedule(this, "Schedule", {
      description: "Starts an Orchard execution",
      schedule: ScheduleExpression.expression(props.expression, TimeZone.of(props.timeZone)),
      // Scheduler delivers at least once, and the Step Functions target cannot set the execution's name. With the
      // schedule's execution id as its name, a second delivery starts nothing; the id is also a legal tag value.
      target: new Universal({
        service: "sfn",
        action: "startExecution",
        policyStatements: [new PolicyStatement({ actions: ["states:StartExecution"], resources: [stateMachineArn] })],
        input: ScheduleTargetInput.fromObject({
          StateMachineArn: stateMachineArn,
          Name: ContextAttribute.executionId,
          Input: Stack.of(this).toJsonString(props.input),
        }),
        // After an hour, give up and wait for the next start, because a late start could overlap with it.
        maxEventAge: Duration.hours(1),
        retryAttempts: 10,
        deadLetterQueue: this.missedStarts,
      }),
    });
  }
}
