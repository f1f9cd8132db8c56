import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { quoteArgument } from "../../shared/shell-quotes.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { places } from "../toolchain/places.ts";

/** Settings that may lead an AWS client away from the embedded account in spite of its exports. */
export const misleadingSettings = [
  "AWS_PROFILE",
  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  "AWS_DEFAULT_PROFILE",
] as const;

const services = ["STS", "CLOUDFORMATION", "SFN", "EMR", "S3", "LAMBDA", "SNS", "SCHEDULER"];

/** Names of the settings that a shell must unset, because they take precedence over the embedded account's exports. */
export const conflictingSettings: readonly string[] = [
  ...misleadingSettings,
  "AWS_SESSION_TOKEN",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_USE_DUALSTACK_ENDPOINT",
  "AWS_CA_BUNDLE",
  ...services.map((service) => `AWS_ENDPOINT_URL_${service}`),
];

/**
 * Returns the environment of a tool that works on the embedded account. It has none of the person's AWS settings, and
 * an empty home, because the CDK reads ~/.cdk.json and the SDKs read ~/.aws.
 *
 * @param account the account's environment variables
 * @param directory the folder of the account's state
 */
export function embeddedEnvironment(
  account: Readonly<Record<string, string>>,
  directory = places.account,
): Readonly<Record<string, string>> {
  const home = join(directory, "home");
  mkdirSync(home, { recursive: true });
  return {
    ...childEnvironment("tool"),
    HOME: home,
    AWS_CONFIG_FILE: join(home, ".aws", "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(home, ".aws", "credentials"),
    ...account,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "false",
    AWS_EC2_METADATA_DISABLED: "true",
    // The CDK's validation of templates takes longer than the synthesis. `npm run check:infra` includes it.
    CDK_VALIDATION: "false",
  };
}

/** Whether an endpoint is on this machine, as the embedded account's is. */
export function isOnThisMachine(endpoint: string): boolean {
  return URL.canParse(endpoint) && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(new URL(endpoint).hostname);
}

/** Returns the lines that make a shell use the embedded account, overriding its settings for AWS and for proxies. */
export function exportLines(account: Readonly<Record<string, string>>): readonly string[] {
  return [
    ...Object.entries(account).map(([name, value]) => `export ${name}=${quoteArgument(value)}`),
    "export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost",
    `unset ${conflictingSettings.join(" ")}`,
  ];
}
