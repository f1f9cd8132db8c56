import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { UsageError } from "../terminal/command-errors.ts";
import { type Clients, createClients } from "./aws-clients.ts";

/** An account and a region that can be deployed to. */
export interface Target {
  readonly clients: Clients;
  readonly account: string;
  readonly region: string;
  /** The whole environment of a tool that is to use this account and this region. */
  readonly env: NodeJS.ProcessEnv;
}

/** Loopback endpoints are not a proxy's business. */
const noProxy = [process.env["NO_PROXY"], "127.0.0.1", "localhost"].filter(Boolean).join(",");

/** What the SDK throws when it finds no credentials, or those that it found cannot be used any more. */
const noCredentials =
  /CredentialsProviderError|TokenProviderError|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch/;

/**
 * Asks the account itself who calls.
 *
 * @param env the environment that names the account
 * @throws UsageError when there is no region or there are no credentials that it accepts
 */
export async function openTarget(env: NodeJS.ProcessEnv = process.env, clients = createClients()): Promise<Target> {
  let region: string;
  try {
    region = await clients.sts.config.region();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UsageError("No region is set. For instance: export AWS_REGION=eu-west-1");
  }
  try {
    const { Account = "" } = await clients.sts.send(new GetCallerIdentityCommand({}));
    return { clients, account: Account, region, env: { ...env, AWS_REGION: region, noProxy } };
  } catch (error) {
    if (!(error instanceof Error) || !noCredentials.test(error.name)) throw error;
    throw new UsageError(
      `There are no AWS credentials that can be used (${error.message.trim()}). Log in, for instance with \`aws configure sso\` and \`export AWS_PROFILE=<profile>\`, and start again.`,
    );
  }
}
