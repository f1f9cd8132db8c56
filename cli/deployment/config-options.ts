// The options of `deploy` and `config` that set a deployment's knobs.
import { resolve } from "node:path";
import type { Command, OptionValues } from "@commander-js/extra-typings";
import { ConfigInvalid, configFromContext } from "../../infra/config/config.ts";
import type { Config } from "../../infra/config/knobs.ts";
import { UsageError } from "../terminal/command-errors.ts";
import type { Context } from "./cdk-command.ts";

export interface ConfigOptions {
  readonly email?: string | undefined;
  readonly config?: string | undefined;
  readonly context?: Context | undefined;
}

/** Adds the options to a command, in the order of its help. */
export function addConfigOptions<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) {
  return command
    .option("--email <address>", "gets the mail at the end of every run, once its owner has confirmed it")
    .option("--config <file>", "JSON file of knobs; docs/configuration.md lists them")
    .option("-c, --context <key=value>", "one knob; wins over the file; may be given several times", parseContext);
}

/** Adds a knob to those of the earlier options of the command line. @throws UsageError for anything but key=value */
export function parseContext(text: string, before: Context = {}): Context {
  const [, key, value] = /^([\w:@/-]+)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new UsageError(`-c takes key=value, not "${text}". docs/configuration.md lists the keys.`);
  }
  return { ...before, [key]: value };
}

/** The CDK's context that the options stand for. */
export function contextOf({ email, config, context }: ConfigOptions): Context {
  return {
    ...(config === undefined ? {} : { config: resolve(config) }),
    ...(email === undefined ? {} : { notificationEmail: email }),
    ...context,
  };
}

/**
 * @param region of the stack, if it is known
 * @throws UsageError that lists the invalid knobs
 */
export function readConfig(context: Readonly<Record<string, unknown>>, region: string | undefined): Config {
  return withUsageErrors(() => configFromContext(context, region));
}

/** Calls the function, and reports a configuration that cannot be deployed as a usage error. */
export function withUsageErrors<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof ConfigInvalid ? new UsageError(error.message) : error;
  }
}
