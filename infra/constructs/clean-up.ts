import { Duration, type Stack } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Queue } from "aws-cdk-lib/aws-sqs";
import type { IStateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { deadLetterQueueProps } from "./dead-letter-queue.ts";

interface CleanUpProps {
  readonly stateMachine: IStateMachine;
  /** Called when an execution fails, times out or is stopped. */
  readonly onExecutionEnded: readonly LambdaFunction[];
}

/**
 * Adds the rules that clean up when the workflow cannot: no Catch of the state machine runs when an execution is
 * stopped or times out. The scope is the stack itself, so that the logical ids stay those of earlier deployments.
 *
 * @returns the dead-letter queue of the status changes that no function could handle
 */
export function addCleanUp(stack: Stack, { stateMachine, onExecutionEnded }: CleanUpProps): Queue {
  const lostStatusChanges = new Queue(stack, "LostStatusChanges", deadLetterQueueProps);
  new Rule(stack, "ExecutionEndedBadly", {
    description: "Ends the cluster of an execution that failed, timed out or was stopped, and says so",
    eventPattern: {
      source: ["aws.states"],
      detailType: ["Step Functions Execution Status Change"],
      detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ["FAILED", "TIMED_OUT", "ABORTED"] },
    },
    targets: onExecutionEnded.map(
      (target) =>
        new LambdaTarget(target, {
          deadLetterQueue: lostStatusChanges,
          retryAttempts: 185,
          // The sweep has ended the cluster long before a day is over.
          maxEventAge: Duration.hours(24),
        }),
    ),
  });
  for (const target of onExecutionEnded) retryAsyncInvocations(target, lostStatusChanges);
  return lostStatusChanges;
}

/**
 * Calls the sweep every 15 minutes. CloudFormation deletes the sweep after all other resources that the stack has so far: a
 * cluster keeps its network from being deleted, and the sweep must still be there to end it. Call this function last.
 */
export function addSweepSchedule(stack: Stack, sweep: LambdaFunction): void {
  const others = stack.node.children.filter((child) => child !== sweep.node.scope);
  const rule = new Rule(stack, "SweepSchedule", {
    description: "Ends the clusters that nothing else ended",
    schedule: Schedule.rate(Duration.minutes(15)),
    targets: [new LambdaTarget(sweep)],
  });
  // The rule depends on the function, which depends on its role, policy and log group.
  for (const other of others) other.node.addDependency(rule);
}

/** EventBridge only delivers the event; Lambda retries a function that throws, after one minute and after two more. */
function retryAsyncInvocations(target: LambdaFunction, deadLetterQueue: Queue): void {
  target.configureAsyncInvoke({
    retryAttempts: 2,
    maxEventAge: Duration.hours(6),
    // CDK's SqsDestination would also let the function read the queue's attributes.
    onFailure: { bind: () => ({ destination: deadLetterQueue.queueArn }) },
  });
  target.addToRolePolicy(new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [deadLetterQueue.queueArn] }));
}
