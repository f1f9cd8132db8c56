import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Target } from "../account/deployment-target.ts";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { root } from "../toolchain/places.ts";
import { runTool, type ToolResult } from "../toolchain/run-tool.ts";
import type { StackTemplate } from "./incompatible-changes.ts";

export type Context = Readonly<Record<string, string>>;

/** Lines of `cdk diff` that are no differences. */
const noise = /^(start|success): |^Hold on while|feature flags are not configured/;
/** Lines of output that an error message quotes. */
const quotedLines = 25;

/** Prints the account of its environment. */
const callerIdentity = join(root, "cli", "account", "caller-identity.ts");

/** The differences between what is deployed and what was synthesized. */
export interface Difference {
  /** Number of stacks that differ. */
  readonly stacks: number;
  readonly text: string;
}

const manifestSchema = z.object({ artifacts: z.record(z.string(), z.object({ type: z.string() })) });

/** Runs the CDK's command line for one account and one configuration. */
export class Cdk {
  readonly #lifetime: Lifetime;
  readonly #target: Target;
  readonly #context: Context;
  readonly #assembly: string;
  #isSynthesized = false;
  #checkedAccount: Promise<ToolResult> | undefined;

  /** @param assembly output folder; deployments to different accounts may run at once, so each needs its own */
  constructor(lifetime: Lifetime, target: Target, context: Context, assembly: string) {
    this.#lifetime = lifetime;
    this.#target = target;
    this.#context = context;
    this.#assembly = assembly;
  }

  /**
   * Synthesizes templates and functions once. All later commands use this output, so that the shown differences are the
   * deployed ones.
   *
   * @throws UsageError when the configuration is invalid; CommandFailed when anything else prevents the synthesis
   */
  async synth(): Promise<void> {
    if (this.#isSynthesized) return;
    const context = Object.entries(this.#context).flatMap(([key, value]) => ["--context", `${key}=${value}`]);
    const { failed, output } = await this.#cdk(["synth", "--quiet", "--output", this.#assembly, ...context]);
    this.#isSynthesized = !failed;
    if (failed) throw synthesisError(output);
  }

  /** The synthesized templates, by the stack's name. */
  templates(): ReadonlyMap<string, StackTemplate> {
    const { artifacts } = manifestSchema.parse(this.#read("manifest.json"));
    const names = Object.keys(artifacts).filter((name) => artifacts[name]?.type === "aws:cloudformation:stack");
    return new Map(names.map((name) => [name, this.#read(`${name}.template.json`) as StackTemplate]));
  }

  async diff(): Promise<Difference> {
    const output = await this.#run(["diff", ...(await this.#app())]);
    const stacks = /Number of stacks with differences: (\d+)/.exec(output)?.[1];
    if (stacks === undefined) throw new CommandFailed(`cdk diff gave no count:\n\n${lastLines(output)}`);
    const lines = output.split("\n").filter((line) => !noise.test(line));
    return { stacks: Number(stacks), text: lines.join("\n").trim() };
  }

  /** Bootstraps the account and region. It needs no templates and may run during the synthesis. */
  async bootstrap(): Promise<void> {
    // Run in a folder without a cdk.json, because the CDK would otherwise synthesize first.
    const cwd = dirname(this.#assembly);
    await mkdir(cwd, { recursive: true });
    await this.#run(["bootstrap", `aws://${this.#target.account}/${this.#target.region}`], cwd);
  }

  /** @param stacks names of the stacks, all by default; the CDK skips unchanged ones */
  async deploy(stacks: readonly string[] = ["--all"]): Promise<void> {
    await this.#run(["deploy", ...stacks, "--require-approval", "never", ...(await this.#app())]);
  }

  /** Asks STS as the CDK does, because the settings of a profile could lead it to another account than the clients. */
  async #checkAccount(): Promise<void> {
    this.#checkedAccount ??= runTool(this.#lifetime, "node", [callerIdentity], { env: this.#target.env });
    const { output } = await this.#checkedAccount;
    if (output.trim() === this.#target.account) return;
    throw new CommandFailed(
      `Nothing was done: the CDK would not use account ${this.#target.account}, but ${lastLines(output)}`,
    );
  }

  async #app(): Promise<readonly string[]> {
    await this.synth();
    return ["--app", this.#assembly];
  }

  async #run(args: readonly string[], cwd?: string): Promise<string> {
    const { failed, output } = await this.#cdk(args, cwd);
    if (failed) throw new CommandFailed(`cdk ${args[0]} failed:\n\n${lastLines(output)}`);
    return output;
  }

  async #cdk(args: readonly string[], cwd = root): Promise<ToolResult> {
    await this.#checkAccount();
    const env = { ...this.#target.env, CDK_DISABLE_CLI_TELEMETRY: "true" };
    return runTool(this.#lifetime, "cdk", [...args, "--no-notices", "--no-color", "--ci"], { env, cwd });
  }

  #read(file: string): unknown {
    return JSON.parse(readFileSync(join(this.#assembly, file), "utf8"));
  }
}

/** The app prints an invalid configuration as a message alone, and any other error, such as a full disk, with its stack. */
export function synthesisError(output: string): UsageError | CommandFailed {
  const uncaught = /Error: ([\s\S]*?)\n\s+at /.exec(output)?.[1];
  const text = `The stacks cannot be made:\n\n${uncaught ?? lastLines(output)}`;
  return uncaught === undefined ? new UsageError(text) : new CommandFailed(text);
}

function lastLines(output: string): string {
  return output.trimEnd().split("\n").slice(-quotedLines).join("\n");
}
