// The options that choose the account of a command, named as in the AWS CLI.
import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import { quoteArgument } from "../../shared/shell-quotes.ts";
import { NotFound, UsageError } from "../terminal/command-errors.ts";
import { openEmbeddedTarget, openTarget, type Target } from "./deployment-target.ts";
import { findAccount } from "./embedded-account.ts";

export interface TargetOptions {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly local?: true | undefined;
}

const regionOption = new Option("--region <region>", "AWS region (default: as the AWS CLI's)");
const profileOption = new Option("--profile <name>", "profile of ~/.aws/config (default: as the AWS CLI's)");
const localOption = new Option(
  "--local",
  "use the account of `orchard local`, on this machine; so does ORCHARD_LOCAL=1",
);

/** Adds the options to a command, in the order of its help. */
export function addTargetOptions<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) {
  return command.addOption(localOption).addOption(regionOption).addOption(profileOption);
}

/** The options as words of a command that acts on the same account. */
export function targetArguments({ local, region, profile }: TargetOptions): readonly string[] {
  return [
    ...(local ? ["--local"] : []),
    ...(region === undefined ? [] : ["--region", quoteArgument(region)]),
    ...(profile === undefined ? [] : ["--profile", quoteArgument(profile)]),
  ];
}

/**
 * Opens the account that the options, or else the environment, name.
 *
 * @throws UsageError when they contradict each other or the credentials are missing; NotFound with --local when no
 * account runs
 */
export async function openChosenTarget(options: TargetOptions): Promise<Target> {
  if (!chooseAccount(options)) return openTarget();
  const account = await findAccount();
  if (!account) throw new NotFound("No account runs on this machine. Start one: orchard local up");
  return openEmbeddedTarget(account.env);
}

/**
 * Applies --profile and --region to the environment, from which the SDK reads them.
 *
 * @returns whether the account on this machine is chosen
 * @throws UsageError when the options contradict each other
 */
export function chooseAccount({ region, profile, local }: TargetOptions): boolean {
  const isLocal = local ?? isSwitchedOn(process.env["ORCHARD_LOCAL"]);
  if (!isLocal) {
    if (profile !== undefined) chooseProfile(profile);
    if (region !== undefined) process.env["AWS_REGION"] = region;
    return false;
  }
  if (region === undefined && profile === undefined) return true;
  throw new UsageError(
    "The account on this machine has one region and no profiles: leave --region and --profile out, or --local (ORCHARD_LOCAL).",
  );
}

/** Removes access keys from the environment, because the CDK would prefer them. The AWS CLI prefers --profile, too. */
function chooseProfile(profile: string): void {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) delete process.env[name];
  process.env["AWS_PROFILE"] = profile;
}

function isSwitchedOn(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.toLowerCase());
}
