import { createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { consolePath } from "../../lambdas/contract/console-links.ts";
import { keyHeader } from "../../pages/console/console-data.ts";
import { AwsError } from "../support/aws-error.ts";
import { accountKeys, isSame, type KeyPair } from "../support/key-pair.ts";

/** Returns the key of the console, which its link carries in the fragment; it changes with the account's key pair. */
export function consoleKey({ secretAccessKey }: KeyPair): string {
  return createHmac("sha256", secretAccessKey).update("console").digest("base64url");
}

/** Returns the link that opens the console of the account in a directory. Whoever has it can use the account. */
export function consoleLink(endpoint: string, directory: string): string {
  return `${endpoint}${consolePath}#/?key=${consoleKey(accountKeys(directory))}`;
}

/**
 * Requires the console's key in a header. A cookie would not be secret, because browsers send the cookies of 127.0.0.1 to
 * all its ports, and another user may listen on one of them.
 * @throws AwsError AccessDenied for a request without the key of the account's console
 */
export function requireConsoleKey({ headers }: IncomingMessage, account: KeyPair): void {
  const key = headers[keyHeader];
  if (typeof key === "string" && isSame(key, consoleKey(account))) return;
  throw new AwsError(
    "AccessDenied",
    "The console's key is missing or belongs to another account. Open the link that `orchard local status` prints.",
    403,
  );
}

/** The least time for which the link to a report is valid. */
const reportHours = 1;

/**
 * Returns the parameters of a link to the report of a run. They replace the header with the key, because a browser opens
 * a link without it. They change once an hour.
 */
export function reportTicket({ secretAccessKey }: KeyPair, runId: string, now: Date): URLSearchParams {
  const expires = Math.ceil(now.getTime() / 3_600_000) + reportHours;
  return new URLSearchParams({ run: runId, expires: String(expires), ticket: sign(secretAccessKey, runId, expires) });
}

/** Returns the run that a link's parameters allow to open. @throws AwsError AccessDenied */
export function runOfTicket({ secretAccessKey }: KeyPair, parameters: URLSearchParams, now: Date): string {
  const [runId = "", ticket = ""] = ["run", "ticket"].map((name) => parameters.get(name) ?? "");
  const expires = Number(parameters.get("expires"));
  if (isSame(ticket, sign(secretAccessKey, runId, expires)) && expires * 3_600_000 > now.getTime()) return runId;
  throw new AwsError("AccessDenied", "The link to the report has expired: open the report in the console again.", 403);
}

function sign(secret: string, runId: string, expires: number): string {
  return createHmac("sha256", secret).update(`report ${expires} ${runId}`).digest("base64url");
}
