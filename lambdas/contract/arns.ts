import { build, parse } from "@aws-sdk/util-arn-parser";

/** arn:…:execution:<state machine>:<name> -> arn:…:stateMachine:<state machine> */
export function stateMachineArnOf(executionArn: string): string {
  const arn = parse(executionArn);
  const [, stateMachine = ""] = arn.resource.split(":");
  return build({ ...arn, resource: `stateMachine:${stateMachine}` });
}

/** Prefix of the ARNs of a state machine's executions; the execution's name follows. */
export function executionArnPrefix(stateMachineArn: string): string {
  const arn = parse(stateMachineArn);
  return `${build({ ...arn, resource: arn.resource.replace(/^stateMachine:/, "execution:") })}:`;
}
