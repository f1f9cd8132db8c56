import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { embeddedAccountId } from "../../lambdas/contract/arns.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { UsageError } from "../terminal/command-errors.ts";
import { type Clients, createClients } from "./aws-clients.ts";
import { isInvalidCredentials, missingCredentials } from "./credential-errors.ts";
import {
  conflictingSettings,
  embeddedEnvironment,
  isOnThisMachine,
  misleadingSettings,
} from "./embedded-environment.ts";

/** The AWS account and region that a command works on. */
export interface Target {
  readonly clients: Clients;
  readonly account: string;
  readonly region: string;
  /** Complete environment for a tool that uses this account and region. */
  readonly env: NodeJS.ProcessEnv;
}

/** Whether a target's account is the embedded one, on this machine. */
export function isOnEmbedded({ account }: Pick<Target, "account">): boolean {
  return account === embeddedAccountId;
}

/** The environment for clients of a target's account; for one on AWS, the SDK reads its own sources. */
export function clientEnvironment(target: Target): NodeJS.ProcessEnv {
  return isOnEmbedded(target) ? target.env : {};
}

/** The variables with which `orchard local up` leads an AWS client to the embedded account. */
const exported = [
  "AWS_ENDPOINT_URL",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
] as const;

/**
 * Determines the account and region of the person's current credentials, which may be the embedded account's.
 *
 * @throws UsageError without a region or valid credentials, and with settings that lead to two accounts
 */
export async function openTarget(source: NodeJS.ProcessEnv = process.env): Promise<Target> {
  const endpoint = source["AWS_ENDPOINT_URL"];
  if (!endpoint || !isOnThisMachine(endpoint)) {
    const target = await identify(createClients(), childEnvironment("account", source));
    if (!isOnEmbedded(target)) return target;
    throw new UsageError(
      `These credentials lead to the emulated account ${embeddedAccountId}, but AWS_ENDPOINT_URL does not: a profile names the endpoint. A tool that reads another profile would act on AWS. Use the exports that \`orchard local up\` prints.`,
    );
  }
  const set = misleadingSettings.filter((name) => isSet(source[name]));
  if (set.length > 0) {
    throw new UsageError(
      `AWS_ENDPOINT_URL is ${endpoint}, on this machine, but ${set.join(" and ")} can lead to an account on AWS. For the embedded account: unset ${conflictingSettings.join(" ")}\nFor an account on AWS: unset AWS_ENDPOINT_URL`,
    );
  }
  const env = Object.fromEntries(
    exported.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])),
  );
  return openEmbeddedTarget(env);
}

/** Whether a setting has an effect: AWS's tools ignore an empty or false one. */
function isSet(value: string | undefined): boolean {
  return value !== undefined && !["", "false"].includes(value.toLowerCase());
}

/**
 * Opens the embedded account.
 *
 * @param account the account's environment variables
 * @throws UsageError when another account than 000000000000 answers at its endpoint
 */
export async function openEmbeddedTarget(
  account: Readonly<Record<string, string>>,
  clients = createClients(account),
): Promise<Target> {
  if (!account["AWS_ACCESS_KEY_ID"]) throw missingCredentials("AWS_ACCESS_KEY_ID is not set");
  if (!(account["AWS_REGION"] ?? account["AWS_DEFAULT_REGION"])) throw missingRegion();
  const target = await identify(clients, embeddedEnvironment(account));
  if (isOnEmbedded(target)) return target;
  throw new UsageError(
    `${account["AWS_ENDPOINT_URL"]} answers for account ${target.account}, not for the embedded account ${embeddedAccountId}, so nothing was done.`,
  );
}

async function identify(clients: Clients, env: NodeJS.ProcessEnv): Promise<Target> {
  let region: string;
  try {
    region = await clients.sts.config.region();
  } catch (error) {
    throw error instanceof Error ? missingRegion() : error;
  }
  try {
    const { Account = "" } = await clients.sts.send(new GetCallerIdentityCommand({}));
    return { clients, account: Account, region, env: { ...env, AWS_REGION: region } };
  } catch (error) {
    if (!isInvalidCredentials(error)) throw error;
    throw missingCredentials(error.message);
  }
}

function missingRegion(): UsageError {
  return new UsageError("No region is set. For instance: export AWS_REGION=eu-west-1");
}
