import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { paginateListExecutions } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRunMail, subscribeMailbox } from "../../../cli/account/mailbox-subscription.ts";
import { readDeployment } from "../../../cli/deployment/deployed-stacks.ts";
import { loadProgram } from "../../../cli/load-program.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { isDeep } from "../../deep.ts";
import { type EmptyAccount, makeImages, startEmptyAccount } from "../account/empty-account.ts";

const allMs = 1_200_000;
const startMs = 120_000;

/** Commands that the embedded account cannot run, with the reason. */
const notExecuted: Readonly<Record<string, string>> = {
  "aws configure sso --profile orchard":
    "asks for a login in a browser; and version 1 of the AWS CLI has no such command",
  "export AWS_PROFILE=orchard":
    "the profile is what that login makes; the embedded account has keys in the environment",
  "export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1": "the embedded account is in eu-central-1",
};

/** Text replacements that avoid questions and files in the project's folder. */
function substitutes(home: string): Readonly<Record<string, string>> {
  return {
    "npm run deploy --": "npm run deploy -- --yes",
    "npm run destroy --": "npm run destroy -- --yes",
    " -- photos": ` -- ${join(home, "photos")}`,
    "orchard.config.json": join(home, "orchard.config.json"),
  };
}

/** Extracts the commands from a document's bash blocks, in order; a here-document belongs to its command. */
function commandsOf(markdown: string): readonly string[] {
  const commands: string[] = [];
  for (const [, block = ""] of markdown.matchAll(/^```bash\n([\s\S]*?)^```$/gm)) {
    let open: string[] = [];
    for (const line of block.trimEnd().split("\n")) {
      open.push(line);
      if (open[0]?.includes("<<'END'") && line !== "END") continue;
      commands.push(open.join("\n"));
      open = [];
    }
  }
  return commands;
}

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs all commands in one bash, so that later commands see the variables of earlier ones. */
class Shell {
  readonly #bash: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(env: Readonly<Record<string, string>>) {
    this.#bash = spawn("bash", ["--norc"], { cwd: root, env });
    this.#lines = createInterface({ input: this.#bash.stdout })[Symbol.asyncIterator]();
    this.#bash.stdin.write("exec 2>&1\n");
  }

  async run(command: string): Promise<Outcome> {
    // Without the redirection, a command could read the following commands from stdin.
    this.#bash.stdin.write(`{ ${command}\n} < /dev/null\nprintf '\\nexit code %s of the command\\n' $?\n`);
    const output: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`The shell ended in: ${command}\n${output.join("\n")}`);
      const exitCode = /exit code (\d+) of the command$/.exec(value)?.[1];
      if (exitCode !== undefined) return { exitCode: Number(exitCode), output: output.join("\n") };
      output.push(value);
    }
  }

  async end(): Promise<void> {
    this.#bash.stdin.end("exit\n");
    if (this.#bash.exitCode === null) await once(this.#bash, "exit");
  }
}

const commands = commandsOf(readFileSync(join(root, "docs", "aws.md"), "utf8"));

it("docs/aws.md contains every command that is listed as not executed", () => {
  expect(commands).toEqual(expect.arrayContaining(Object.keys(notExecuted)));
});

it("docs/aws.md uses only options that its commands have", async () => {
  for (const command of commands) {
    const [, name = "", options = ""] = /^npm run (\S+)(.*)$/s.exec(command) ?? [];
    const used = options.match(/(?<=\s)--[a-z][a-z-]*/g) ?? [];
    const program = await loadProgram(name);
    const known = program.commands.find((one) => one.name() === name)?.options.map(({ long }) => long);
    if (name !== "") expect(known, command).toEqual(expect.arrayContaining(used));
  }
});

// The tests of deploy and destroy and of the sealed network run the same commands.
describe.runIf(isDeep)("docs/aws.md", () => {
  let account: EmptyAccount;
  let shell: Shell;
  const runIds: string[] = [];
  beforeAll(async () => {
    account = await startEmptyAccount();
    shell = new Shell(account.env);
  }, startMs);
  afterAll(async () => {
    runIds.push((await shell.run('echo "$RUN"')).output.trim());
    await shell.end();
    await account.stop();
    for (const runId of runIds.filter(Boolean)) rmSync(join(root, "results", runId), { recursive: true, force: true });
  }, startMs);

  it("contains commands that work in order, from an empty account to the first mail and back", {
    timeout: allMs,
  }, async () => {
    await makeImages(join(account.home, "photos"), 60);
    const skipped: string[] = [];
    for (const command of commands) {
      const reason = notExecuted[command];
      if (reason !== undefined) {
        skipped.push(`not executed: ${command}\n    ${reason}`);
        continue;
      }
      let text = command === "npm run destroy" ? "npm run destroy --" : command;
      for (const [from, to] of Object.entries(substitutes(account.home))) text = text.replaceAll(from, to);
      const { exitCode, output } = await shell.run(text);
      expect(exitCode, `${text}\n${output}`).toBe(0);
      if (text.startsWith("npm run deploy")) await subscribe();
      if (text.startsWith("npm run run")) await checkMail();
    }
    console.info(`docs/aws.md: ${commands.length - skipped.length} commands executed\n${skipped.join("\n")}`);
  });

  /** Replaces the confirmation of the subscription by the recipient. */
  const subscribe = async (): Promise<void> => {
    const deployment = await readDeployment(account.clients);
    await subscribeMailbox(account.clients, account.endpoint, deployment?.topicArn ?? "");
  };

  const checkMail = async (): Promise<void> => {
    const { stateMachineArn = "" } = (await readDeployment(account.clients)) ?? {};
    for await (const { executions = [] } of paginateListExecutions(
      { client: account.clients.sfn },
      { stateMachineArn },
    )) {
      runIds.push(...executions.map(({ name = "" }) => name));
    }
    expect(runIds).toHaveLength(1);
    expect(await readRunMail(account.env, runIds[0] ?? "")).toMatchObject({
      message: expect.stringContaining("mini"),
    });
  };
});
