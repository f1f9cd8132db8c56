import { UsageError } from "../terminal/command-errors.ts";

/** Names of the errors that the SDK throws for missing, expired and invalid credentials. */
const noCredentials =
  /CredentialsProviderError|TokenProviderError|ExpiredToken|Invalid(ClientTokenId|AccessKeyId)|UnrecognizedClient|SignatureDoesNotMatch/;

/** Whether credentials are missing, wrong or expired: a service says so, or the SDK finds none. */
export function isInvalidCredentials(error: unknown): error is Error {
  return error instanceof Error && noCredentials.test(error.name);
}

/** @param reason what the SDK or a service has said */
export function missingCredentials(reason: string): UsageError {
  const profile = process.env["AWS_PROFILE"];
  return new UsageError(
    `There are no valid AWS credentials (${profile ? `profile ${profile}: ` : ""}${reason.trim()}). Log in, for instance with \`aws configure sso\` and \`export AWS_PROFILE=<profile>\`, and start again.`,
  );
}
