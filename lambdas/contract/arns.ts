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

/** The number of the embedded account, which no account on AWS has. */
export const embeddedAccountId = "000000000000";

/** Whether a resource belongs to the embedded account, which costs nothing and is not in AWS's console. */
export function isEmbedded(arn: string): boolean {
  return parse(arn).accountId === embeddedAccountId;
}

/** arn:…:execution:<state machine>:<name> -> <name> */
export function nameOf(executionArn: string): string {
  return executionArn.split(":").at(-1) ?? "";
}
