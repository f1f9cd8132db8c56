/** The parts of arn:partition:service:region:account:resource. */
export interface Arn {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  /** May contain colons. */
  readonly resource: string;
}

/** @throws Error when the text is not an ARN */
export function parseArn(text: string): Arn {
  const [scheme, partition, service, region, accountId, ...resource] = text.split(":");
  if (scheme !== "arn" || !partition || !service || resource.length === 0) throw new Error(`Not an ARN: ${text}`);
  return { partition, service, region: region ?? "", accountId: accountId ?? "", resource: resource.join(":") };
}

/** arn:…:execution:<state machine>:<name> -> arn:…:stateMachine:<state machine> */
export function stateMachineArnOf(executionArn: string): string {
  const { partition, service, region, accountId, resource } = parseArn(executionArn);
  const [, stateMachine = ""] = resource.split(":");
  return ["arn", partition, service, region, accountId, "stateMachine", stateMachine].join(":");
}

/** Prefix of the ARNs of a state machine's executions; the execution's name follows. */
export function executionArnPrefix(stateMachineArn: string): string {
  return `${stateMachineArn.replace(":stateMachine:", ":execution:")}:`;
}
