import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { UsageError } from "../terminal/command-errors.ts";
import { type Clients, createClients } from "./aws-clients.ts";

/** The AWS account and region that a command works on. */
export interface Target {
  readonly clients: Clients;
  readonly account: string;
  readonly region: string;
  /** Complete environment for a tool that uses this account and region. */
  readonly env: NodeJS.ProcessEnv;
}

/** Value of NO_PROXY: requests to a loopback endpoint must not go through a proxy. */
const noProxy = [process.env["NO_PROXY"], "127.0.0.1", "localhost"].filter(Boolean).join(",");

/** Names of the errors that the SDK throws for missing, expired and invalid credentials. */
const noCredentials =
  /CredentialsProviderError|TokenProviderError|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch/;

/**
 * Determines the account and region of the current credentials.
 *
 * @param env environment with the account's credentials and endpoint
 * @throws UsageError without a region or valid credentials
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
    return { clients, account: Account, region, env: { ...env, AWS_REGION: region, NO_PROXY: noProxy } };
  } catch (error) {
    if (!(error instanceof Error) || !noCredentials.test(error.name)) throw error;
    throw new UsageError(
      `There are no valid AWS credentials (${error.message.trim()}). Log in, for instance with \`aws configure sso\` and \`export AWS_PROFILE=<profile>\`, and start again.`,
    );
  }
}
