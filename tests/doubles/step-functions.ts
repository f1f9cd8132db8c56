import { DescribeExecutionCommand, type ExecutionStatus, type SFNClient } from "@aws-sdk/client-sfn";

/** Step Functions for DescribeExecution: an execution has a status, or the call fails with the given error. */
export class SfnDouble {
  readonly answers = new Map<string, ExecutionStatus | Error>();
  readonly questions: string[] = [];
  readonly client = { send: async (command: unknown) => this.answer(command) } as unknown as SFNClient;

  private answer(command: unknown): unknown {
    if (!(command instanceof DescribeExecutionCommand))
      throw new Error(`SfnDouble only answers DescribeExecution, not ${(command as object).constructor.name}.`);
    const { executionArn = "" } = command.input;
    this.questions.push(executionArn);
    const answer = this.answers.get(executionArn);
    if (answer instanceof Error) throw answer;
    if (answer) return { executionArn, status: answer };
    throw Object.assign(new Error(`Execution Does Not Exist: '${executionArn}'`), { name: "ExecutionDoesNotExist" });
  }
}
