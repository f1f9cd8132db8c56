import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  ListStackResourcesCommand,
  type Stack,
  type StackResourceSummary,
  UpdateTerminationProtectionCommand,
} from "@aws-sdk/client-cloudformation";
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  DescribeStateMachineCommand,
  ListExecutionsCommand,
  SFNClient,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { Clients } from "../../cli/account/aws-clients.ts";
import type { StackTemplate } from "../../cli/deployment/incompatible-changes.ts";
import { executionArnPrefix } from "../../lambdas/contract/arns.ts";
import { EmrDouble } from "./emr.ts";

export const stateMachineArn = "arn:aws:states:eu-west-1:000000000000:stateMachine:Orchard";

export function namedError(name: string, message = name): Error {
  return Object.assign(new Error(message), { name });
}

/** A deployment in memory, for the commands that destroy sends. */
export class DeploymentDouble {
  readonly emr = new EmrDouble();
  readonly stacks = new Map<string, Stack>();
  readonly stateMachines = new Set([stateMachineArn]);
  stateMachineStatus: "ACTIVE" | "DELETING" = "ACTIVE";
  /** Names of the running executions. */
  readonly running = new Set<string>();
  readonly objects = new Set<string>();
  /** Names of the sent commands, with the stack's name. */
  readonly sent: string[] = [];
  /** Resources that ListStackResources answers. */
  resources: readonly StackResourceSummary[] = [];
  /** The template of every stack. */
  template: StackTemplate = {};
  /** Called before a command is answered; may throw its error. */
  before: (command: unknown) => void = () => undefined;
  /** Deletes the stack; returns the stack that is left, if any. */
  deleteStack: (stack: Stack) => Stack | undefined = () => undefined;

  readonly clients: Clients = {
    emr: this.#client(Object.getPrototypeOf(this.emr.client), (command) => this.emr.client.send(command as never)),
    cloudFormation: this.#client(CloudFormationClient.prototype, (command) => this.#cloudFormation(command)),
    sfn: this.#client(SFNClient.prototype, (command) => this.#stepFunctions(command)),
    s3: this.#client({}, (command) => this.#s3(command)),
  } as unknown as Clients;

  addStack(StackName: string, more: Partial<Stack> = {}): Stack {
    const stack: Stack = { StackName, StackStatus: "CREATE_COMPLETE", CreationTime: new Date(0), ...more };
    this.stacks.set(StackName, stack);
    return stack;
  }

  #client(prototype: object, answer: (command: unknown) => unknown): unknown {
    const send = async (command: { readonly input: object }) => {
      const { StackName } = command.input as { readonly StackName?: string };
      this.sent.push([command.constructor.name, ...(StackName ? [StackName] : [])].join(" "));
      this.before(command);
      return answer(command);
    };
    return Object.assign(Object.create(prototype), { send });
  }

  #cloudFormation(command: unknown): unknown {
    if (command instanceof DescribeStacksCommand) {
      const stack = this.stacks.get(command.input.StackName ?? "");
      if (!stack) throw namedError("ValidationError", `Stack with id ${command.input.StackName} does not exist`);
      return { Stacks: [stack] };
    }
    if (command instanceof GetTemplateCommand) return { TemplateBody: JSON.stringify(this.template) };
    if (command instanceof ListStackResourcesCommand) return { StackResourceSummaries: this.resources };
    if (command instanceof UpdateTerminationProtectionCommand) {
      const { StackName = "", EnableTerminationProtection = false } = command.input;
      this.stacks.set(StackName, { ...this.#stack(StackName), EnableTerminationProtection });
      return {};
    }
    if (command instanceof DeleteStackCommand) {
      const stack = this.#stack(command.input.StackName);
      if (stack.EnableTerminationProtection) throw namedError("ValidationError", "TerminationProtection is enabled");
      const left = this.deleteStack(stack);
      if (left) this.stacks.set(stack.StackName ?? "", left);
      else this.stacks.delete(stack.StackName ?? "");
      return {};
    }
    throw new Error(`No answer to ${(command as object).constructor.name}`);
  }

  #stack(name = ""): Stack {
    return this.stacks.get(name) ?? { StackName: name, StackStatus: undefined, CreationTime: undefined };
  }

  #stepFunctions(command: unknown): unknown {
    if (command instanceof StopExecutionCommand) {
      this.running.delete(command.input.executionArn?.split(":").at(-1) ?? "");
      return {};
    }
    if (!(command instanceof ListExecutionsCommand || command instanceof DescribeStateMachineCommand))
      throw new Error(`No answer to ${(command as object).constructor.name}`);
    const arn = command.input.stateMachineArn ?? "";
    if (!this.stateMachines.has(arn)) throw namedError("StateMachineDoesNotExist");
    if (command instanceof DescribeStateMachineCommand) return { status: this.stateMachineStatus };
    return {
      executions: [...this.running].map((name) => ({ name, executionArn: `${executionArnPrefix(arn)}${name}` })),
    };
  }

  #s3(command: unknown): unknown {
    if (command instanceof PutObjectCommand) this.objects.add(command.input.Key ?? "");
    if (command instanceof DeleteObjectCommand) this.objects.delete(command.input.Key ?? "");
    return {};
  }
}
